//! Scripts out of bytes: any bytes make one, and few of them fail for a wrong type.

use std::fmt::Write;

/// Bytes that choices are made of; when they are used up every choice is the first.
pub(crate) struct Bytes<'b>(pub(crate) &'b [u8]);

impl Bytes<'_> {
    pub(super) fn below(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first) % count.max(1)
    }

    pub(super) fn one_of<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices
            .get(self.below(choices.len()))
            .copied()
            .unwrap_or_default()
    }
}

const NUMBERS: &[&str] = &[
    "LEAST",
    "0",
    "1",
    "2",
    "7",
    "-1",
    "0.5",
    "1.0",
    "1.50",
    "-2.5",
    "9223372036854775807",
    "-9223372036854775807",
    "79228162514264337593543950335.0",
    "0.0000000000000000000000000001",
    "ctx.user.level",
    "ctx.user.experience",
    "ctx.event.data.seconds",
    "ctx.event.data.ratio",
    "ctx.event.data.big",
    "ctx.event.data.whole",
    "ctx.evidence.seconds",
    "ctx.streak.current",
    "ctx.streak.total",
    "ctx.task.progress",
    "ctx.task.target",
    "ctx.mission.reward.points",
    "ctx.mission.reward.mining_boost_percent",
    "ctx.mission.target",
    "ctx.now.hour",
    "ctx.now.weekday",
    "ctx.user.friends",
    "ctx.user.attributes.score",
    "ctx.event.data.object.deep.x",
];
const TEXTS: &[&str] = &[
    "\"a\"",
    "\"\"",
    "\"DE\"",
    "\"vip\"",
    "\"Grüße\"",
    "\"a longer text than others\"",
    "ctx.user.country",
    "ctx.event.type",
    "ctx.event.source",
    "ctx.event.data.title",
    "ctx.user.attributes.plan",
    "ctx.mission.code",
    "ctx.mission.type",
    "ctx.evidence.data",
    "ctx.now.time",
    "ctx.user.registered_at",
    "ctx.event.time",
    "NAME",
];
const LISTS: &[&str] = &[
    "CODES",
    "ctx.user.tags",
    "ctx.event.data.list",
    "ctx.event.friends",
    "[1, 2, 3]",
    "[\"DE\", \"AT\"]",
    "[]",
    "[1.0, \"a\", true, ()]",
    "ctx.event.data.none",
    "ctx.event.data.texts",
];
const MAPS: &[&str] = &[
    "#{a: 1}",
    "ctx.event.data",
    "ctx.event.data.object",
    "ctx.user.attributes",
    "#{a: 1, b: \"x\"}",
    "#{}",
];
const ANYTHING: &[&str] = &[
    "()",
    "ctx.event.data.none",
    "ctx.event.data.missing",
    "ctx.user.level.deeper",
    "ctx.event.data.title.deeper",
    "ctx.event.data.list.deeper",
    "ctx.event.data.a?.b?.c",
    "ctx.user.nobody",
    "ctx.user",
    "ctx.event",
    "nothing",
];
const COMPARISONS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];
const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "**"];

/// A script with constants, two helpers and the hook `eligible`.
pub(crate) fn script(bytes: &mut Bytes<'_>) -> String {
    let mut writer = Writer {
        bytes,
        names: Vec::new(),
        counter: 0,
        in_helper: true,
    };
    let mut source =
        "const LEAST = 3;\nconst NAME = \"a\";\nconst CODES = [\"DE\", 2, 1.5, true];\n".to_owned();
    for (head, names) in [("fn bonus(a)", &["a"][..]), ("fn either(a, b)", &["a", "b"])] {
        writer.names = names.iter().map(|name| (*name).to_owned()).collect();
        let body = writer.block(2);
        let _ = writeln!(source, "{head} {body}");
    }
    writer.in_helper = false;
    writer.names = Vec::new();
    let body = writer.block(4);
    let _ = writeln!(source, "fn eligible(ctx) {body}");
    source
}

struct Writer<'w, 'b> {
    bytes: &'w mut Bytes<'b>,
    names: Vec<String>,
    counter: usize,
    in_helper: bool,
}

impl Writer<'_, '_> {
    fn block(&mut self, depth: usize) -> String {
        let outside = self.names.len();
        let mut text = "{ ".to_owned();
        for _ in 0..self.bytes.below(4) {
            let statement = self.statement(depth);
            let _ = write!(text, "{statement} ");
        }
        let last = match self.bytes.below(12) {
            0 => self.statement(depth),
            1 => format!("return {};", self.any(depth)),
            2 => format!("{};", self.any(depth)),
            _ => self.any(depth),
        };
        self.names.truncate(outside);
        format!("{text}{last} }}")
    }

    fn statement(&mut self, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        match self.bytes.below(if depth == 0 { 6 } else { 12 }) {
            0..=2 => {
                let value = self.any(depth);
                let name = match self.bytes.below(8) {
                    0 if !self.names.is_empty() => self.name(),
                    _ => {
                        self.counter += 1;
                        format!("v{}", self.counter)
                    }
                };
                self.names.push(name.clone());
                let keyword = if self.bytes.below(6) == 0 { "const" } else { "let" };
                format!("{keyword} {name} = {value};")
            }
            3 | 4 if !self.names.is_empty() => {
                let name = self.name();
                let operator = self.bytes.one_of(&["=", "+=", "*=", "-=", "/="]);
                let value = self.any(depth);
                format!("{name} {operator} {value};")
            }
            3..=5 => format!("{};", self.any(depth)),
            6 => format!("if {} {{ return {}; }}", self.condition(below), self.any(below)),
            7 => format!(
                "if {} {} else {}",
                self.condition(below),
                self.block(below),
                self.block(below)
            ),
            8 => format!("if {} {}", self.condition(below), self.block(below)),
            9 => self.switch(below),
            10 => self.block(below),
            _ => format!("if {} {{ throw {}; }}", self.condition(below), self.any(below)),
        }
    }

    fn switch(&mut self, depth: usize) -> String {
        let value = self.any(depth);
        let mut text = format!("switch {value} {{ ");
        for case in ["1", "\"a\" | \"DE\"", "true", "1.5", "2..5", "7..=9"] {
            match self.bytes.below(4) {
                0 => {
                    let _ = write!(text, "{case} => {}, ", self.any(depth));
                }
                1 => {
                    let _ = write!(
                        text,
                        "{case} if {} => {}, ",
                        self.condition(depth),
                        self.any(depth)
                    );
                }
                2 if depth > 0 => {
                    let _ = write!(text, "{case} => {}, ", self.block(depth - 1));
                }
                _ => {}
            }
        }
        let _ = write!(text, "_ => {} }}", self.any(depth));
        text
    }

    fn name(&mut self) -> String {
        let at = self.bytes.below(self.names.len());
        self.names.get(at).cloned().unwrap_or_default()
    }

    /// Helpers do not see the context.
    fn leaf(&mut self, choices: &[&str]) -> String {
        let chosen = self.bytes.one_of(choices);
        if self.in_helper && chosen.starts_with("ctx") {
            return match choices.first() {
                Some(constant) if self.names.is_empty() || self.bytes.below(3) > 0 => (*constant).to_owned(),
                _ => self.name(),
            };
        }
        chosen.to_owned()
    }

    fn any(&mut self, depth: usize) -> String {
        match self.bytes.below(16) {
            0..=4 => self.number(depth),
            5..=7 => self.text(depth),
            8..=11 => self.condition(depth),
            12 => self.leaf(LISTS),
            13 => format!(
                "#{{points: {}, review: {}}}",
                self.number(depth),
                self.text(depth)
            ),
            14 if !self.names.is_empty() => self.name(),
            14 => self.leaf(MAPS),
            _ => self.leaf(ANYTHING),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        let choice = self.bytes.below(if depth == 0 { 4 } else { 20 });
        match choice {
            0..=3 | 13 => self.leaf(NUMBERS),
            4..=8 => format!(
                "({} {} {})",
                self.number(below),
                self.bytes.one_of(ARITHMETIC),
                self.number(below)
            ),
            9 => format!("(-{})", self.number(below)),
            10 => format!("({} ?? {})", self.any(below), self.number(below)),
            11 => {
                let function =
                    self.bytes
                        .one_of(&["abs", "round", "floor", "ceiling", "to_int", "to_decimal"]);
                format!("{function}({})", self.number(below))
            }
            12 => {
                let function = self.bytes.one_of(&["min", "max"]);
                format!("{function}({}, {})", self.number(below), self.number(below))
            }
            14 => format!(
                "round({}, {})",
                self.number(below),
                self.bytes.one_of(&["0", "2", "28", "29", "1.0"])
            ),
            15 => match self.bytes.below(3) {
                0 => format!("({}).len()", self.text(below)),
                1 => format!("(#{{a: {}, b: {}}}).a", self.number(below), self.any(below)),
                _ => format!("{}.len()", self.leaf(LISTS)),
            },
            16 => format!("{}[{}]", self.leaf(LISTS), self.number(below)),
            17 if !self.in_helper => format!("bonus({})", self.any(below)),
            18 if !self.in_helper => format!("either({}, {})", self.any(below), self.any(below)),
            19 => format!(
                "if {} {} else {}",
                self.condition(below),
                self.block(below),
                self.block(below)
            ),
            _ => self.leaf(NUMBERS),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        match self.bytes.below(if depth == 0 { 4 } else { 11 }) {
            0..=4 => self.leaf(TEXTS),
            5 => format!("({} + {})", self.text(below), self.any(below)),
            6 => format!("({} + {})", self.any(below), self.text(below)),
            7 => format!("`{} ${{{}}}`", self.bytes.below(9), self.any(below)),
            8 => {
                let function = self.bytes.one_of(&["to_upper", "to_lower", "trim", "to_string"]);
                format!("{}.{function}()", self.leaf(TEXTS))
            }
            9 => match self.bytes.below(2) {
                0 => format!("{}.to_string()", self.leaf(NUMBERS)),
                _ => format!("({}).to_string()", self.any(below)),
            },
            _ => format!(
                "{}[\"{}\"]",
                self.leaf(MAPS),
                self.bytes.one_of(&["a", "title", "seconds"])
            ),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        match self.bytes.below(if depth == 0 { 3 } else { 16 }) {
            0 => self.bytes.one_of(&["true", "false"]).to_owned(),
            1..=5 => format!(
                "{} {} {}",
                self.number(below),
                self.bytes.one_of(COMPARISONS),
                self.number(below)
            ),
            6 | 7 => format!(
                "{} {} {}",
                self.text(below),
                self.bytes.one_of(COMPARISONS),
                self.text(below)
            ),
            8 => format!(
                "{} {} {}",
                self.any(below),
                self.bytes.one_of(COMPARISONS),
                self.any(below)
            ),
            9 => format!("!({})", self.condition(below)),
            10 => format!("({} && {})", self.condition(below), self.condition(below)),
            11 => format!("({} || {})", self.condition(below), self.condition(below)),
            12 => format!("({} in {})", self.any(below), self.leaf(LISTS)),
            13 => format!("({} in {})", self.text(below), self.text(below)),
            14 => format!("({} in {})", self.text(below), self.leaf(MAPS)),
            _ => {
                let function = self.bytes.one_of(&["starts_with", "ends_with", "contains"]);
                format!("{}.{function}({})", self.leaf(TEXTS), self.text(below))
            }
        }
    }
}
