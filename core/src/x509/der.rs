//! DER as strictly as Go's parser reads it (`cryptobyte`): minimal lengths, low tags, canonical booleans,
//! integers and object identifiers. Borrowed, bounded by its input.

/// The rest of an element's content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

pub(super) const BOOLEAN: u8 = 1;
pub(super) const INTEGER: u8 = 2;
pub(super) const BIT_STRING: u8 = 3;
pub(super) const OCTET_STRING: u8 = 4;
pub(super) const OBJECT_IDENTIFIER: u8 = 6;
pub(super) const UTC_TIME: u8 = 23;
pub(super) const GENERALIZED_TIME: u8 = 24;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// An element: its tag, its content, and both with the header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub tag: u8,
    pub content: Der<'a>,
    pub whole: &'a [u8],
}

impl<'a> Der<'a> {
    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next element's tag.
    pub(super) fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Option<Element<'a>> {
        let tag = *self.0.first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let first = *self.0.get(1)?;
        let (header, length) = if first & 0x80 == 0 {
            (2, usize::from(first))
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 {
                return None;
            }
            let octets = self.0.get(2..2 + count)?;
            let length = octets.iter().fold(0_usize, |sum, octet| (sum << 8) | usize::from(*octet));
            if length < 128 || octets[0] == 0 {
                return None;
            }
            (2 + count, length)
        };
        let whole = self.0.get(..header.checked_add(length)?)?;
        self.0 = &self.0[whole.len()..];
        Some(Element { tag, content: Der(&whole[header..]), whole })
    }

    /// The next element, which has to have this tag.
    pub(super) fn element(&mut self, tag: u8) -> Option<Element<'a>> {
        if self.peek() != Some(tag) {
            return None;
        }
        self.any()
    }

    /// Its content.
    pub(super) fn read(&mut self, tag: u8) -> Option<Self> {
        self.element(tag).map(|element| element.content)
    }

    /// The content of an element that may be absent; outer `None`: it is malformed.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Option<Self>> {
        if self.peek() == Some(tag) { self.read(tag).map(Some) } else { Some(None) }
    }

    /// A canonical boolean.
    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.read(BOOLEAN)?.0 {
            [0] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }

    /// A minimally encoded integer's octets.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        minimal(self.read(INTEGER)?.0)
    }

    /// An integer that is not negative and fits.
    pub(super) fn unsigned(&mut self, tag: u8) -> Option<u64> {
        let octets = minimal(self.read(tag)?.0)?;
        if octets[0] & 0x80 != 0 || octets.len() > 9 || (octets.len() == 9 && octets[0] != 0) {
            return None;
        }
        Some(octets.iter().fold(0_u64, |sum, octet| (sum << 8) | u64::from(*octet)))
    }

    /// An integer that may be negative; `Some(None)`: it is, and says nothing.
    pub(super) fn signed(&mut self, tag: u8) -> Option<Option<u64>> {
        let octets = minimal(self.read(tag)?.0).filter(|octets| octets.len() <= 8)?;
        let negative = octets[0] & 0x80 != 0;
        Some((!negative).then(|| octets.iter().fold(0_u64, |sum, octet| (sum << 8) | u64::from(*octet))))
    }

    /// An object identifier that is only compared.
    pub(super) fn raw_oid(&mut self) -> Option<Vec<u8>> {
        self.read(OBJECT_IDENTIFIER).map(|octets| octets.0.to_vec())
    }

    /// The same, minimally encoded; its arcs may be of any size.
    pub(super) fn long_oid(&mut self) -> Option<Vec<u8>> {
        let octets = self.raw_oid()?;
        let minimal = |at: usize| octets[at] != 0x80 || (at > 0 && octets[at - 1] & 0x80 != 0);
        (octets.last()? & 0x80 == 0 && (0..octets.len()).all(minimal)).then_some(octets)
    }

    /// An object identifier in dotted form.
    pub(super) fn oid(&mut self) -> Option<String> {
        dotted(self.read(OBJECT_IDENTIFIER)?.0)
    }

    /// A bit string, right-aligned.
    pub(super) fn bits(&mut self) -> Option<(u8, Vec<u8>)> {
        let content = self.read(BIT_STRING)?.0;
        let (&padding, bits) = content.split_first()?;
        if padding > 7 || (bits.is_empty() && padding != 0) {
            return None;
        }
        if bits.last().is_some_and(|last| last & ((1_u8 << padding) - 1) != 0) {
            return None;
        }
        if padding == 0 {
            return Some((0, bits.to_vec()));
        }
        let mut aligned = Vec::with_capacity(bits.len());
        let mut above = 0_u8;
        for octet in bits {
            aligned.push((above << (8 - padding)) | (octet >> padding));
            above = *octet;
        }
        Some((padding, aligned))
    }
}

fn minimal(octets: &[u8]) -> Option<&[u8]> {
    match octets {
        [] => None,
        [0, next, ..] if next & 0x80 == 0 => None,
        [0xff, next, ..] if next & 0x80 != 0 => None,
        _ => Some(octets),
    }
}

/// Go's reader of object identifiers: minimal base 128, each arc below 2^31.
fn dotted(octets: &[u8]) -> Option<String> {
    if octets.is_empty() {
        return None;
    }
    let mut arcs: Vec<u32> = Vec::new();
    let mut value = 0_u32;
    let mut count = 0_usize;
    for octet in octets {
        if count == 0 && *octet == 0x80 {
            return None;
        }
        if count == 5 || value >= 1 << 24 {
            return None;
        }
        value = (value << 7) | u32::from(octet & 0x7f);
        count += 1;
        if octet & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (value / 40).min(2);
                arcs.push(first);
                arcs.push(value - first * 40);
            } else {
                arcs.push(value);
            }
            value = 0;
            count = 0;
        }
    }
    (count == 0).then(|| arcs.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
}

/// A UTCTime or GeneralizedTime as Go reads it, in seconds since 1970.
pub(super) fn time(der: &mut Der<'_>) -> Option<i64> {
    let (digits, tag) = match der.peek()? {
        UTC_TIME => (2, UTC_TIME),
        GENERALIZED_TIME => (4, GENERALIZED_TIME),
        _ => return None,
    };
    let text = std::str::from_utf8(der.read(tag)?.0).ok()?;
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, zone) = text.split_at(end);
    let seconds = match number.len().checked_sub(digits)? {
        10 => true,
        // UTCTime without seconds is read too.
        8 if tag == UTC_TIME => false,
        _ => return None,
    };
    let part = |at: usize, length: usize| number.get(at..at + length)?.parse::<i32>().ok();
    let mut year = part(0, digits)?;
    if tag == UTC_TIME {
        // RFC 5280, 4.1.2.5.1.
        year += if year >= 50 { 1900 } else { 2000 };
    }
    let small = |at: usize| part(digits + at, 2).and_then(|value| u8::try_from(value).ok());
    let month = time::Month::try_from(small(0)?).ok()?;
    let date = time::Date::from_calendar_date(year, month, small(2)?).ok()?;
    let second = if seconds { small(8)? } else { 0 };
    let clock = time::Time::from_hms(small(4)?, small(6)?, second).ok()?;
    let offset = match zone {
        "Z" => 0,
        // A zone of its own is read where it is written as Go would write it.
        _ if zone.len() == 5 && zone.is_ascii() => {
            let sign = match &zone[..1] {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let (hours, minutes) = (zone[1..3].parse::<i64>().ok()?, zone[3..].parse::<i64>().ok()?);
            if hours > 24 || minutes > 59 || (hours == 0 && minutes == 0) {
                return None;
            }
            sign * (hours * 3600 + minutes * 60)
        }
        _ => return None,
    };
    Some(date.with_time(clock).assume_utc().unix_timestamp() - offset)
}

/// A Name, whose attribute values have to be strings of their type.
pub(super) fn name_is_valid(mut name: Der<'_>) -> Result<(), String> {
    let refuse = |what: &str| Err(format!("x509: invalid RDNSequence{what}"));
    while !name.is_empty() {
        let Some(mut set) = name.read(SET) else { return refuse("") };
        while !set.is_empty() {
            let Some(mut attribute) = set.read(SEQUENCE) else { return refuse(": invalid attribute") };
            if attribute.oid().is_none() {
                return refuse(": invalid attribute type");
            }
            let Some(value) = attribute.any() else { return refuse(": invalid attribute value") };
            if !string_is_valid(value.tag, value.content.0) {
                return refuse(": invalid attribute value");
            }
        }
    }
    Ok(())
}

fn string_is_valid(tag: u8, value: &[u8]) -> bool {
    let printable = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'\''..=b')' | b'+'..=b'/' | b' ' | b':' | b'=' | b'?' | b'*' | b'&')
    };
    match tag {
        // UTF8String, NumericString, PrintableString, T61String, IA5String, BMPString.
        12 => std::str::from_utf8(value).is_ok(),
        18 => value.iter().all(|byte| byte.is_ascii_digit() || *byte == b' '),
        19 => value.iter().all(printable),
        20 => true,
        22 => value.is_ascii(),
        30 => {
            let value = value.strip_suffix(&[0, 0]).unwrap_or(value);
            value.len().is_multiple_of(2)
                && value.chunks_exact(2).all(|pair| {
                    let point = u16::from_be_bytes([pair[0], pair[1]]);
                    !matches!(point, 0xfffe | 0xffff | 0xfdd0..=0xfdef | 0xd800..=0xdfff)
                })
        }
        _ => false,
    }
}
