//! Expectations that can be evaluated.

use mission_core::ports::rules::{CompileError, Hook};
use rhai::Dynamic;

use super::WrittenExpectation;
use crate::{
    Diagnostic, FindingCode,
    failure::compile_error,
    program::{Engines, Program},
};

/// An expression that can be evaluated.
pub(crate) struct CompiledExpectation(Program);

impl CompiledExpectation {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is none, or calls what is not there.
    pub(crate) fn new(engines: &Engines, expression: &str) -> Result<Self, CompileError> {
        let read = WrittenExpectation::read(engines, expression).map_err(|finding| vec![finding]);
        let program = read.and_then(|read| read.program);
        program.map(Self).map_err(|findings| {
            let first = findings.into_iter().next();
            let finding =
                first.unwrap_or_else(|| Diagnostic::new(FindingCode::ScriptSyntax, "it does not compile"));
            compile_error(
                expression,
                &Diagnostic {
                    span: None,
                    ..finding
                },
            )
        })
    }

    /// Whether the expression holds.
    ///
    /// # Errors
    /// When it fails, or gives neither true nor false.
    pub(crate) fn holds(&self, value: Dynamic, context: Dynamic) -> Result<bool, String> {
        // The hook is not named in what is told.
        let called = self.0.call_named(Hook::Eligible, "expectation", (value, context));
        let given = called.map_err(|failure| failure.message)?;
        given
            .as_bool()
            .map_err(|_| format!("the expression gives {given}, and must give true or false"))
    }
}
