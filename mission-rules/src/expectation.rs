//! What is expected of a hook's value: an expression over `value` and `ctx`, in the language of the hooks.

#[cfg(any(test, feature = "properties"))]
pub(crate) mod compiled;

use crate::{
    Diagnostic, FindingCode,
    program::{Engines, Program},
    syntax::{Function, functions},
};

/// An expression is made the body of a function.
const HEAD: &str = "fn expectation(value, ctx) { ";

/// An expression as a script, which can be analysed.
pub(crate) struct WrittenExpectation {
    pub(crate) source: String,
    pub(crate) functions: Vec<Function>,
    /// What it compiles to, or why it does not.
    pub(crate) program: Result<Program, Vec<Diagnostic>>,
}

impl WrittenExpectation {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn read(engines: &Engines, expression: &str) -> Result<Self, Diagnostic> {
        // By itself first: what closes a brace that it has not opened would end the function.
        let alone = engines.parse(expression)?;
        if alone.statements().is_empty() || alone.has_functions() {
            let message = "an expression over `value` and `ctx` is needed here";
            return Err(Diagnostic::new(FindingCode::ScriptSyntax, message).with_help("write \"value >= 0\""));
        }
        let source = format!("{HEAD}{expression}\n}}");
        let written = engines.parse(&source)?;
        let functions = functions(&written);
        let program = engines.compile_written(&source, &written, &functions);
        Ok(Self {
            source,
            functions,
            program,
        })
    }

    /// A finding about the script, as one about the expression.
    pub(crate) fn finding(&self, mut finding: Diagnostic) -> Diagnostic {
        // What is to be replaced stands in the file that holds the expression, perhaps with escapes.
        finding.fix = None;
        let end = self.source.len() - HEAD.len() - "\n}".len();
        finding.span = finding.span.map(|span| {
            let inside = |at: usize| at.saturating_sub(HEAD.len()).min(end);
            inside(span.start)..inside(span.end)
        });
        finding
    }
}
