//! Which line of a template became which rendered one.

/// So many pairs of lines are compared.
const CELLS: usize = 4_000_000;

/// For every rendered line the template's, counted from 1; 0: it is not known. Both keep their order: the longest
/// common way through both, a line with actions in it standing for any that begins as it does.
pub(super) fn aligned(template: &[String], rendered: &[&str]) -> Vec<usize> {
    let mut found = vec![0; rendered.len()];
    let wide = template.len() + 1;
    if wide.saturating_mul(rendered.len() + 1) > CELLS {
        return found;
    }
    let mut best = vec![0_u32; wide * (rendered.len() + 1)];
    for at in (0..rendered.len()).rev() {
        for line in (0..template.len()).rev() {
            let like = likeness(&template[line], rendered[at]);
            let both = best[(at + 1) * wide + line + 1] + like;
            let either = best[(at + 1) * wide + line].max(best[at * wide + line + 1]);
            best[at * wide + line] = if like > 0 { both.max(either) } else { either };
        }
    }
    let (mut at, mut line) = (0, 0);
    while at < rendered.len() && line < template.len() {
        let like = likeness(&template[line], rendered[at]);
        let here = best[at * wide + line];
        if like > 0 && here == best[(at + 1) * wide + line + 1] + like {
            found[at] = line + 1;
            at += 1;
            line += 1;
        } else if here == best[at * wide + line + 1] {
            line += 1;
        } else {
            at += 1;
        }
    }
    // What a loop or a helper repeats: the one line that is the same, or that has the same key.
    for (at, line) in found.iter_mut().enumerate().filter(|(_, line)| **line == 0) {
        *line = only(template, rendered[at]).unwrap_or(0);
    }
    found
}

/// How much a rendered line looks like one that a template's line becomes.
fn likeness(template: &str, rendered: &str) -> u32 {
    let (template, rendered) = (template.trim(), rendered.trim());
    if rendered.is_empty() {
        return 0;
    }
    if template == rendered {
        return 3;
    }
    match template.split_once("{{") {
        Some((before, _)) if before.len() > 2 && rendered.starts_with(before.trim_end()) => 2,
        _ => 0,
    }
}

fn only(template: &[String], rendered: &str) -> Option<usize> {
    let line = rendered.trim();
    let one = |is: &dyn Fn(&str) -> bool| {
        let mut found = template.iter().enumerate().filter(|(_, text)| is(text.trim()));
        match (found.next(), found.next()) {
            (Some((at, _)), None) => Some(at + 1),
            _ => None,
        }
    };
    let key = line.split_once(':').map(|(key, _)| format!("{key}:")).filter(|key| key.len() > 1);
    (!line.is_empty())
        .then(|| one(&|text| text == line))
        .flatten()
        .or_else(|| key.and_then(|key| one(&|text| text.starts_with(&key))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stand_twice_are_told_apart_by_their_order() {
        let template: Vec<String> = [
            "readinessProbe:",
            "  httpGet:",
            "    port: http",
            "{{- if .Values.live }}",
            "livenessProbe:",
            "  httpGet:",
            "    port: http",
            "{{- end }}",
            "env:",
            "{{- range .Values.env }}",
            "- name: {{ .name }}",
            "{{- end }}",
        ]
        .map(str::to_owned)
        .into();
        let rendered = [
            "readinessProbe:",
            "      httpGet:",
            "        port: http",
            "livenessProbe:",
            "      httpGet:",
            "        port: http",
            "env:",
            "- name: A",
            "- name: B",
        ];
        assert_eq!(aligned(&template, &rendered), [1, 2, 3, 5, 6, 7, 9, 11, 11]);
        assert_eq!(aligned(&[], &["a"]), [0]);
    }
}
