//! Every code that a finding can have: the one list, from which pages, reports and tests follow.

use std::{fmt, str::FromStr};

use crate::{Severity, suggest::closest};

macro_rules! codes {
    ($($name:ident = $code:literal, $severity:ident, $summary:literal;)*) => {
        /// The stable name of a kind of finding, such as `script/unknown-field`: what a reader looks up and a tool
        /// filters by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode {
            $(#[doc = $summary] $name,)*
        }

        impl FindingCode {
            /// Every code, in alphabetical order.
            pub const ALL: &[FindingCode] = &[$(FindingCode::$name),*];

            /// The code as it is written.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(FindingCode::$name => $code,)* }
            }

            /// How bad it is at its worst. Some are a warning in places that their page names.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(FindingCode::$name => Severity::$severity,)* }
            }

            /// What it says, in one line.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(FindingCode::$name => $summary,)* }
            }

            /// Its page in Markdown: what it means, a wrong example and a right one.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self {
                    $(FindingCode::$name => include_str!(concat!("../pages/", $code, ".md")),)*
                }
            }
        }
    };
}

codes! {
    CaseFailed = "case/failed", Error, "a case of `mission test` ends otherwise than it expects";
    PackAboveCap = "pack/above-cap", Warning, "a reward is more than a cap of the pack lets a user earn";
    PackAlwaysHolds = "pack/always-holds", Warning, "a rule holds whatever the value is";
    PackBadLevels = "pack/bad-levels", Error, "`levels` does not start at 0, or does not rise";
    PackBadMonthly = "pack/bad-monthly", Error, "two monthly rows are for the same days, or one for days that no month has";
    PackBadOrder = "pack/bad-order", Error, "the events of a case are not in time order";
    PackBadPath = "pack/bad-path", Error, "a file's name or path is not one that every system can have";
    PackBadTiers = "pack/bad-tiers", Error, "the tiers of the check-in do not follow each other without a hole";
    PackBadValue = "pack/bad-value", Error, "a value has the right type, and is not one that the field takes";
    PackDuplicateCase = "pack/duplicate-case", Warning, "two cases have the same name";
    PackDuplicateCode = "pack/duplicate-code", Error, "two missions have the same code";
    PackEventData = "pack/event-data", Error, "the data of an event in a case is not as `pack.toml` declares it";
    PackInlineScript = "pack/inline-script", Error, "a mission holds its script instead of naming a file";
    PackLinkOutside = "pack/link-outside", Error, "a link leads out of the pack, or nowhere";
    PackLongCooldown = "pack/long-cooldown", Warning, "a cooldown is longer than a year";
    PackMissingField = "pack/missing-field", Error, "a field that must be there is not";
    PackMissingHook = "pack/missing-hook", Warning, "a property or a case is about a hook that no script has";
    PackMissingScript = "pack/missing-script", Error, "a mission names a script that the pack does not have";
    PackMissingTranslation = "pack/missing-translation", Warning, "a text lacks a language that the texts of other missions have";
    PackMoreFindings = "pack/more-findings", Warning, "there are more findings than are shown";
    PackNeverCompleted = "pack/never-completed", Error, "nobody can ever complete a mission";
    PackNeverHolds = "pack/never-holds", Error, "a rule holds for no value that there can be";
    PackNoActivityEvent = "pack/no-activity-event", Error, "a trigger names a command, which moves no mission";
    PackNoEffect = "pack/no-effect", Warning, "something is allowed, and does nothing";
    PackNoManifest = "pack/no-manifest", Error, "there is no `pack.toml`";
    PackNoRiskHook = "pack/no-risk-hook", Error, "the script that `risk.toml` names has no `fn risk(ctx)`";
    PackNotUtf8 = "pack/not-utf8", Error, "a file is not UTF-8";
    PackOperatorType = "pack/operator-type", Error, "a rule's operator does not fit the type of its path";
    PackRequiresCycle = "pack/requires-cycle", Error, "missions require each other, so nobody can do any of them";
    PackRounded = "pack/rounded", Warning, "points are finer than the pack pays, and are rounded";
    PackRoundsToZero = "pack/rounds-to-zero", Warning, "points are so few that they are rounded to 0";
    PackScriptOutside = "pack/script-outside", Error, "a mission names a script outside of the pack";
    PackShadowRequired = "pack/shadow-required", Error, "a mission asks for the completion of a shadow mission, which nobody has";
    PackSmallBudget = "pack/small-budget", Warning, "a budget is used up by one user, or covers no completion at all";
    PackSmallPercent = "pack/small-percent", Warning, "a percentage is below one, and was probably meant as a factor";
    PackStrayFile = "pack/stray-file", Error, "nothing reads a file";
    PackTooLarge = "pack/too-large", Error, "a file, or the whole pack, has too many bytes";
    PackTooManyFiles = "pack/too-many-files", Error, "the pack has too many files";
    PackTriggerLoop = "pack/trigger-loop", Error, "missions wait for each other's completion";
    PackUnknownEvent = "pack/unknown-event", Error, "an event is not among those that `pack.toml` declares";
    PackUnknownField = "pack/unknown-field", Error, "a table has a field that nothing reads";
    PackUnknownMission = "pack/unknown-mission", Error, "the pack has no mission with the code that is named";
    PackUnknownPath = "pack/unknown-path", Error, "the path of a rule leads nowhere";
    PackUnknownType = "pack/unknown-type", Warning, "a declared field has a type that there is not";
    PackUnusedScript = "pack/unused-script", Warning, "no mission uses a script";
    PackWindowEnded = "pack/window-ended", Warning, "the time of a mission is over";
    PackWrongType = "pack/wrong-type", Error, "a value has another type than the field";
    ScriptComputedCompletions = "script/computed-completions", Error, "completions are asked for by a computed code";
    ScriptConstant = "script/constant", Error, "a constant cannot be computed";
    ScriptConstantName = "script/constant-name", Error, "a parameter has the name of a constant";
    ScriptContextWrite = "script/context-write", Warning, "a hook writes to its context, which nobody sees";
    ScriptDivisionByZero = "script/division-by-zero", Warning, "a division by zero always fails";
    ScriptEndlessLoop = "script/endless-loop", Warning, "a loop never ends";
    ScriptForbidden = "script/forbidden", Error, "a script calls what scripts do not have";
    ScriptHookParameters = "script/hook-parameters", Error, "a hook does not take exactly one parameter";
    ScriptLiteralTooLarge = "script/literal-too-large", Error, "a text, list or map in a script is too large";
    ScriptMisspelledHook = "script/misspelled-hook", Warning, "a function is nearly named as a hook, and nothing calls it";
    ScriptNoHooks = "script/no-hooks", Warning, "a script defines no hook, so it changes nothing";
    ScriptPrivateHook = "script/private-hook", Error, "a hook is private, so nobody can call it";
    ScriptShadowedVariable = "script/shadowed-variable", Warning, "a variable hides another of the same name";
    ScriptSyntax = "script/syntax", Error, "a script cannot be read";
    ScriptTakenName = "script/taken-name", Error, "a function has the name of one of the language";
    ScriptTooDeep = "script/too-deep", Error, "expressions or blocks are nested too deep";
    ScriptTooLong = "script/too-long", Error, "a script has too many bytes";
    ScriptTooManyFunctions = "script/too-many-functions", Error, "a script has too many functions";
    ScriptTopLevel = "script/top-level", Error, "something other than `fn` and `const` stands outside of functions";
    ScriptTypeConflict = "script/type-conflict", Error, "values of different types are compared or reckoned with";
    ScriptUnknownField = "script/unknown-field", Error, "a script reads a field that no context has";
    ScriptUnknownFunction = "script/unknown-function", Error, "a script calls a function that there is not";
    ScriptUnknownVariable = "script/unknown-variable", Error, "a script reads a variable that there is not";
    ScriptUnusedFunction = "script/unused-function", Warning, "nothing calls a function";
    ScriptUnusedHook = "script/unused-hook", Warning, "a hook is never asked";
    ScriptUnusedVariable = "script/unused-variable", Warning, "nothing reads a variable";
    ScriptWrongAnswer = "script/wrong-answer", Warning, "a hook gives what it cannot mean";
    ScriptWrongArity = "script/wrong-arity", Error, "a function is called with a wrong number of parameters";
    TomlSyntax = "toml/syntax", Error, "a file is not valid TOML";
}

impl FindingCode {
    /// Where its page is on the web.
    ///
    /// ```
    /// use mission_rules::FindingCode;
    /// let uri = FindingCode::ScriptUnknownField.help_uri();
    /// assert!(uri.ends_with("/docs/rules/script/unknown-field.md"));
    /// ```
    #[must_use]
    pub fn help_uri(self) -> String {
        format!("{}/blob/main/docs/rules/{self}.md", env!("CARGO_PKG_REPOSITORY"))
    }
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq<&str> for FindingCode {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// There is no such code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no finding `{wanted}`; {way_out}")]
pub struct UnknownFindingCode {
    wanted: String,
    way_out: String,
}

impl FromStr for FindingCode {
    type Err = UnknownFindingCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = FindingCode::ALL.iter().copied();
        known.clone().find(|code| *code == text).ok_or_else(|| {
            let of_name = known
                .clone()
                .find(|code| code.as_str().ends_with(&format!("/{text}")));
            let meant = of_name
                .map(FindingCode::as_str)
                .or_else(|| closest(text, known.map(FindingCode::as_str)));
            UnknownFindingCode {
                wanted: text.to_owned(),
                way_out: match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "`mission check` shows the code of each finding in brackets".to_owned(),
                },
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::FindingCode;

    #[test]
    fn codes_are_sorted_and_read_back() {
        assert!(FindingCode::ALL.is_sorted_by(|a, b| a.as_str() < b.as_str()));
        for code in FindingCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }

    #[test]
    fn an_unknown_code_is_told_what_may_have_been_meant() {
        for (wanted, told) in [
            ("unknown-type", "did you mean `pack/unknown-type`?"),
            ("script/unkown-field", "did you mean `script/unknown-field`?"),
            ("E0308", "in brackets"),
        ] {
            let error = wanted.parse::<FindingCode>().unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
