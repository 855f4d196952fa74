//! Quantities of Kubernetes: `512Mi`, `1.5Gi`, `500m`, `2`.

/// Units by their factor in thousandths, as `resource.Quantity` has them.
const UNITS: &[(&str, u128)] = &[
    ("Ki", 1_000 << 10),
    ("Mi", 1_000 << 20),
    ("Gi", 1_000 << 30),
    ("Ti", 1_000 << 40),
    ("m", 1),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("", 1_000),
];

/// In thousandths; nothing: it is no quantity, or one of another unit.
fn read(text: &str) -> Option<u128> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = u32::try_from(part.len()).ok().filter(|digits| *digits < 10)?;
    let scaled: u128 = format!("{whole}{part}").parse().ok()?;
    scaled.checked_mul(factor).map(|all| all / 10_u128.pow(digits))
}

/// As it is written, in the largest unit in which it is whole.
fn written(thousandths: u128) -> String {
    let binary = ["Gi", "Mi", "Ki"].into_iter().find_map(|unit| {
        let factor = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        (thousandths > 0 && thousandths.is_multiple_of(factor))
            .then(|| format!("{}{unit}", thousandths / factor))
    });
    binary.unwrap_or_else(|| {
        if thousandths.is_multiple_of(1_000) {
            (thousandths / 1_000).to_string()
        } else {
            format!("{thousandths}m")
        }
    })
}

/// The sum of quantities.
#[must_use]
pub(super) fn sum(all: &[&str]) -> Option<String> {
    all.iter().map(|one| read(one)).sum::<Option<u128>>().map(written)
}

/// Whether one is less than the other, where both are quantities.
#[must_use]
pub(super) fn is_less(one: &str, other: &str) -> bool {
    matches!((read(one), read(other)), (Some(one), Some(other)) if one < other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_added_in_their_units() {
        let rows: &[(&[&str], &str)] = &[
            (&["1Gi", "1Gi"], "2Gi"),
            (&["16Gi", "768Mi", "768Mi"], "17920Mi"),
            (&["15500m", "1", "1"], "17500m"),
            (&["1.5Gi", "512Mi"], "2Gi"),
            (&["3", "4"], "7"),
            (&["512M", "512M"], "1000000Ki"),
        ];
        for (all, wanted) in rows {
            assert_eq!(sum(all).as_deref(), Some(*wanted), "{all:?}");
        }
        assert_eq!(sum(&["1Gi", "lots"]), None);
        assert_eq!(sum(&["1Gi", "5Qi"]), None);
    }
}
