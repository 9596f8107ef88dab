//! `mission test --coverage`: which lines and branches of a pack's scripts its cases ran.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use mission_rules::{
    coverage::{CoverageCompiler, ScriptCoverage},
    pack::Pack,
};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    output::{BAD, FAINT, GOOD, WARN},
};

/// What ran of each script that a mission or `risk.toml` names, by file; nothing where it cannot be counted.
pub(super) struct PackCoverage(BTreeMap<String, Option<ScriptCoverage>>);

/// How many of how many.
#[derive(Clone, Copy, Default)]
struct Share {
    run: usize,
    of: usize,
}

impl Share {
    fn percent(self) -> f64 {
        if self.of == 0 {
            return 100.0;
        }
        // Rounded down: 100 means all of them.
        (self.run * 1000 / self.of) as f64 / 10.0
    }

    fn plus(self, other: Share) -> Share {
        Share {
            run: self.run + other.run,
            of: self.of + other.of,
        }
    }

    fn words(self) -> String {
        format!("{}/{} {:.1} %", self.run, self.of, self.percent())
    }

    fn json(self) -> Value {
        json!({ "run": self.run, "of": self.of, "percent": self.percent() })
    }
}

fn lines(coverage: &ScriptCoverage) -> Share {
    Share {
        run: coverage.lines_run(),
        of: coverage.lines.len(),
    }
}

fn branches(coverage: &ScriptCoverage) -> Share {
    Share {
        run: coverage.branches_taken(),
        of: coverage.branches.len(),
    }
}

impl PackCoverage {
    pub(super) fn of(pack: &Pack, compiler: &CoverageCompiler<'_>) -> Self {
        let scripts = pack.missions.iter().filter_map(|mission| {
            let definition = &mission.definition;
            let file = definition.rules_script.clone()?;
            Some((file, compiler.of(definition.script.as_deref()?)))
        });
        let of_risk = pack.risk_script();
        let of_risk = of_risk.map(|(file, source)| (file.to_owned(), compiler.of(source)));
        PackCoverage(scripts.chain(of_risk).collect())
    }

    fn total(&self, share: fn(&ScriptCoverage) -> Share) -> Share {
        let counted = self.0.values().flatten();
        counted.fold(Share::default(), |total, coverage| total.plus(share(coverage)))
    }

    /// A line a script, with what no case tried.
    pub(super) fn human(&self) -> String {
        let mut text = String::new();
        let width = self
            .0
            .keys()
            .map(|file| file.chars().count())
            .max()
            .unwrap_or(0)
            .max("coverage".len());
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{FAINT}{:<width$}  {:<16}  branches{FAINT:#}",
            "coverage", "lines"
        );
        for (file, coverage) in &self.0 {
            let Some(coverage) = coverage else {
                let _ = writeln!(text, "{file:<width$}  cannot be counted");
                continue;
            };
            let (lines, branches) = (lines(coverage), branches(coverage));
            let style = if lines.run == lines.of && branches.run == branches.of {
                GOOD
            } else {
                WARN
            };
            let _ = writeln!(
                text,
                "{file:<width$}  {style}{:<16}  {}{style:#}",
                lines.words(),
                branches.words()
            );
            for told in untried(coverage) {
                let _ = writeln!(text, "    {file}:{told}");
            }
        }
        let (lines, branches) = (self.total(lines), self.total(branches));
        let _ = writeln!(
            text,
            "{:<width$}  {:<16}  {}",
            "all",
            lines.words(),
            branches.words()
        );
        text
    }

    pub(super) fn json(&self) -> Value {
        let files: Vec<Value> = self
            .0
            .iter()
            .map(|(file, coverage)| match coverage {
                None => json!({ "file": file, "lines": null, "branches": null }),
                Some(coverage) => {
                    let never = coverage.lines.iter().filter(|(_, times)| **times == 0);
                    let never: Vec<usize> = never.map(|(line, _)| *line).collect();
                    let untaken = coverage.branches.iter().filter(|branch| branch.times == 0);
                    let untaken: Vec<Value> = untaken
                        .map(|branch| json!({ "line": branch.line, "holds": branch.holds }))
                        .collect();
                    json!({
                        "file": file, "lines": lines(coverage).json(), "branches": branches(coverage).json(),
                        "lines_not_run": never, "branches_not_taken": untaken,
                    })
                }
            })
            .collect();
        json!({
            "lines": self.total(lines).json(), "branches": self.total(branches).json(), "files": files,
        })
    }

    /// Writes an LCOV tracefile, as geninfo(1) describes it.
    pub(super) fn write_lcov(&self, pack: &Path, file: &Path) -> Result<(), Failure> {
        let mut text = String::new();
        for (script, coverage) in &self.0 {
            let Some(coverage) = coverage else { continue };
            let _ = writeln!(text, "TN:\nSF:{}", pack.join(script).display());
            for (line, times) in &coverage.lines {
                let _ = writeln!(text, "DA:{line},{times}");
            }
            for (number, branch) in coverage.branches.iter().enumerate() {
                let _ = writeln!(text, "BRDA:{},0,{number},{}", branch.line, branch.times);
            }
            let (lines, branches) = (lines(coverage), branches(coverage));
            let _ = writeln!(
                text,
                "LF:{}\nLH:{}\nBRF:{}\nBRH:{}\nend_of_record",
                lines.of, lines.run, branches.of, branches.run
            );
        }
        fs::write(file, text).map_err(|error| {
            Failure::Unusable(format!(
                "cannot write the coverage to `{}`: {error}",
                file.display()
            ))
        })
    }

    /// What is below a percentage, in words; nothing where all is at it or above.
    pub(super) fn below(&self, percent: u8) -> Option<String> {
        let shares = [("lines", self.total(lines)), ("branches", self.total(branches))];
        let (what, share) = shares
            .into_iter()
            .find(|(_, share)| share.percent() < f64::from(percent))?;
        Some(format!(
            "{BAD}coverage{BAD:#}: {:.1} % of the {what} ran, and {percent} % is asked for",
            share.percent()
        ))
    }
}

/// What of a script no case tried: `line: what`.
fn untried(coverage: &ScriptCoverage) -> Vec<String> {
    let never = coverage.lines.iter().filter(|(_, times)| **times == 0);
    let mut told: Vec<(usize, String)> = never.map(|(line, _)| (*line, "never runs".to_owned())).collect();
    let untaken = coverage.branches.iter().filter(|branch| branch.times == 0);
    told.extend(untaken.map(|branch| {
        let way = if branch.holds {
            "the condition never holds"
        } else {
            "the condition always holds"
        };
        (branch.line, way.to_owned())
    }));
    told.sort();
    told.into_iter()
        .map(|(line, what)| format!("{line}: {what}"))
        .collect()
}
