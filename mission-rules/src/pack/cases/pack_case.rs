//! A case of any kind: what runs them, filters them or reports them need not tell them apart.

use mission_core::ports::rules::ScriptCompiler;

use super::{CaseOutcome, HookTrace};
use crate::{
    Scripts,
    pack::{Case, CheckInCase, Located, Pack, RiskCase},
};

/// A case of any kind.
#[derive(Clone, Copy, Debug)]
pub enum PackCase<'p> {
    /// One user's story with one mission.
    Mission(&'p Case),
    /// One user's check-ins.
    CheckIn(&'p CheckInCase),
    /// One judgement of risk.
    Risk(&'p RiskCase),
}

impl<'p> PackCase<'p> {
    /// The file that it stands in.
    #[must_use]
    pub fn file(self) -> &'p str {
        match self {
            PackCase::Mission(case) => &case.file,
            PackCase::CheckIn(case) => &case.file,
            PackCase::Risk(case) => &case.file,
        }
    }

    /// Its name, unique in the pack.
    #[must_use]
    pub fn name(self) -> &'p Located<String> {
        match self {
            PackCase::Mission(case) => &case.name,
            PackCase::CheckIn(case) => &case.name,
            PackCase::Risk(case) => &case.name,
        }
    }

    /// What it is about: the code of its mission, `checkin` or `risk`.
    #[must_use]
    pub fn subject(self) -> &'p str {
        match self {
            PackCase::Mission(case) => case.mission.value.as_str(),
            PackCase::CheckIn(_) => "checkin",
            PackCase::Risk(_) => "risk",
        }
    }
}

impl Pack {
    /// The cases of all kinds, by file and place.
    ///
    /// ```
    /// use mission_rules::{Scripts, pack::{Pack, PackFiles, template}};
    /// let (pack, _) = Pack::load(&PackFiles::from_map(template::files("demo")));
    /// let pack = pack.ok_or("a pack")?;
    /// assert!(pack.all_cases().iter().all(|case| pack.run_case(*case, &Scripts::default()).passed()));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn all_cases(&self) -> Vec<PackCase<'_>> {
        let mut cases: Vec<PackCase<'_>> = self.cases.iter().map(PackCase::Mission).collect();
        cases.extend(self.check_in_cases.iter().map(PackCase::CheckIn));
        cases.extend(self.risk_cases.iter().map(PackCase::Risk));
        cases.sort_by_key(|case| (case.file(), case.name().span.start));
        cases
    }

    /// Runs one case.
    #[must_use]
    pub fn run_case(&self, case: PackCase<'_>, compiler: &dyn ScriptCompiler) -> CaseOutcome {
        match case {
            PackCase::Mission(case) => self.run_mission_case(case, compiler),
            PackCase::CheckIn(case) => self.run_check_in_case(case, compiler),
            PackCase::Risk(case) => self.run_risk_case(case, compiler),
        }
    }

    /// Runs a case once more, and tells of each hook that it is about how its last evaluation went, in the order in which
    /// they were evaluated last: the one that decided comes last.
    #[must_use]
    pub fn trace_case(&self, case: PackCase<'_>, scripts: &Scripts) -> Vec<HookTrace> {
        match case {
            PackCase::Mission(case) => self.trace_mission_case(case, scripts),
            PackCase::CheckIn(_) => Vec::new(),
            PackCase::Risk(case) => self.trace_risk_case(case, scripts).into_iter().collect(),
        }
    }
}
