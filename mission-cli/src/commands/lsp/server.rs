//! The conversation with the editor: what it tells is noted, what it asks is answered.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use gen_lsp_types::{self as lsp, Notification as _, Request as _};
use lsp_server::{Connection, ErrorCode, Message, Notification, ProtocolError, Request, RequestId, Response};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    checker::{Checker, Job, PAUSE, Told},
    code_action, completion, definition, hover,
    lines::Lines,
    workspace::{OpenFile, Workspace},
};

/// How a conversation ended.
pub(super) enum End {
    /// The editor said `shutdown`, then `exit`.
    Exit,
    /// It went away.
    Gone,
}

/// Talks with the editor until one of the two goes.
pub(super) fn serve(connection: &Connection) -> Result<End, ProtocolError> {
    let client = match connection.initialize_start() {
        Ok((id, client)) => {
            connection.initialize_finish(id, introduction())?;
            client
        }
        Err(error) if error.channel_is_disconnected() => return Ok(End::Gone),
        Err(error) => return Err(error),
    };
    let workspace = Arc::new(Workspace::default());
    let (jobs, due) = mpsc::channel();
    let editor = connection.sender.clone();
    let tell = move |told: Told| {
        let told = match told {
            Told::Diagnostics(params) => notification::<lsp::PublishDiagnosticsNotification>(params),
            Told::Log(message) => notification::<lsp::LogMessageNotification>(lsp::LogMessageParams {
                kind: lsp::MessageType::Warning,
                message,
            }),
        };
        // An editor that is gone needs to know nothing.
        drop(editor.send(told.into()));
    };
    let checker = Checker::new(Arc::clone(&workspace), tell);
    let server = Server {
        connection,
        workspace,
        jobs,
    };
    thread::scope(|scope| {
        scope.spawn(move || checker.work(&due));
        server.watch_files(&client);
        server.talk()
    })
}

/// What the server can do.
fn introduction() -> Value {
    let capabilities = lsp::ServerCapabilities {
        position_encoding: Some(lsp::PositionEncodingKind::UTF16),
        text_document_sync: Some(lsp::TextDocumentSync::Options(lsp::TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(lsp::TextDocumentSyncKind::Full),
            save: Some(lsp::Save::Bool(true)),
            ..lsp::TextDocumentSyncOptions::default()
        })),
        completion_provider: Some(lsp::CompletionOptions {
            trigger_characters: Some([".", "\"", "["].map(str::to_owned).into()),
            ..lsp::CompletionOptions::default()
        }),
        hover_provider: Some(true.into()),
        definition_provider: Some(true.into()),
        code_action_provider: Some(lsp::CodeActionProvider::CodeActionOptions(
            lsp::CodeActionOptions {
                code_action_kinds: Some(vec![lsp::CodeActionKind::QuickFix]),
                ..lsp::CodeActionOptions::default()
            },
        )),
        ..lsp::ServerCapabilities::default()
    };
    json!({
        "capabilities": capabilities,
        "serverInfo": { "name": "mission", "version": env!("CARGO_PKG_VERSION") },
    })
}

struct Server<'c> {
    connection: &'c Connection,
    workspace: Arc<Workspace>,
    jobs: Sender<Job>,
}

impl Server<'_> {
    fn talk(self) -> Result<End, ProtocolError> {
        for message in &self.connection.receiver {
            match message {
                Message::Request(request) => {
                    if self.connection.handle_shutdown(&request)? {
                        return Ok(End::Exit);
                    }
                    let answer = self.answer(request);
                    self.send(answer.into());
                }
                Message::Notification(told) if told.method == lsp::ExitNotification::METHOD.as_str() => break,
                Message::Notification(told) => self.note(told),
                // Nothing that the editor answers changes anything.
                Message::Response(_) => {}
            }
        }
        Ok(End::Gone)
    }

    fn send(&self, message: Message) {
        // An editor that is gone asks for nothing: the loop ends.
        drop(self.connection.sender.send(message));
    }

    /// Asks to be told of changes on the disk, where the editor can.
    fn watch_files(&self, client: &Value) {
        let can = client.pointer("/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration");
        if can != Some(&Value::Bool(true)) {
            return;
        }
        let registration = json!({ "registrations": [{
            "id": "pack-files",
            "method": lsp::DidChangeWatchedFilesNotification::METHOD,
            "registerOptions": { "watchers": [{ "globPattern": "**/*.{toml,rhai}" }] },
        }] });
        let method = lsp::RegistrationRequest::METHOD.as_str().to_owned();
        let id = RequestId::from("pack-files".to_owned());
        self.send(
            Request {
                id,
                method,
                params: registration,
            }
            .into(),
        );
    }

    /// Takes what the editor tells.
    fn note(&self, told: Notification) {
        match told.method.as_str() {
            "textDocument/didOpen" => {
                if let Some(lsp::DidOpenTextDocumentParams {
                    text_document: opened,
                }) = params(told.params)
                {
                    self.check(
                        self.workspace.set(opened.uri, opened.version, opened.text),
                        Duration::ZERO,
                    );
                }
            }
            "textDocument/didChange" => {
                let changed: Option<lsp::DidChangeTextDocumentParams> = params(told.params);
                if let Some((document, text)) = changed.and_then(whole_text) {
                    self.check(
                        self.workspace
                            .set(document.text_document_identifier.uri, document.version, text),
                        PAUSE,
                    );
                }
            }
            "textDocument/didSave" => {
                if let Some(lsp::DidSaveTextDocumentParams { text_document, .. }) = params(told.params) {
                    self.check(self.workspace.concerned(&text_document.uri), Duration::ZERO);
                }
            }
            "textDocument/didClose" => {
                if let Some(lsp::DidCloseTextDocumentParams { text_document }) = params(told.params) {
                    self.check(self.workspace.close(&text_document.uri), Duration::ZERO);
                }
            }
            "workspace/didChangeWatchedFiles" => {
                let changed: Option<lsp::DidChangeWatchedFilesParams> = params(told.params);
                for file in changed.into_iter().flat_map(|changed| changed.changes) {
                    self.check(self.workspace.concerned(&file.uri), PAUSE);
                }
            }
            _ => {}
        }
    }

    fn check(&self, roots: impl IntoIterator<Item = PathBuf>, pause: Duration) {
        let due = Instant::now() + pause;
        for root in roots {
            // The checker works for as long as this is there.
            drop(self.jobs.send(Job { root, due }));
        }
    }

    /// Answers what the editor asks, whatever happens on the way.
    fn answer(&self, request: Request) -> Response {
        let id = request.id.clone();
        let answered = catch_unwind(AssertUnwindSafe(|| self.dispatch(request)));
        answered.unwrap_or_else(|_| {
            let message = "the request failed; the standard error says why".to_owned();
            Response::new_err(id, ErrorCode::InternalError as i32, message)
        })
    }

    fn dispatch(&self, request: Request) -> Response {
        let Request { id, method, params } = request;
        match method.as_str() {
            "textDocument/completion" => at_position(id, params, |asked: lsp::CompletionParams| {
                let (file, offset) = self.place(&asked.text_document_position_params)?;
                Some(completion::complete(&file, offset))
            }),
            "textDocument/hover" => at_position(id, params, |asked: lsp::HoverParams| {
                let (file, offset) = self.place(&asked.text_document_position_params)?;
                hover::hover(&file, offset)
            }),
            "textDocument/definition" => at_position(id, params, |asked: lsp::DefinitionParams| {
                let (file, offset) = self.place(&asked.text_document_position_params)?;
                definition::define(&file, offset)
            }),
            "textDocument/codeAction" => at_position(id, params, |asked: lsp::CodeActionParams| {
                let file = self.workspace.open_file(&asked.text_document.uri)?;
                Some(code_action::fixes(&file, &asked))
            }),
            _ => {
                let message = format!("the server does not know `{method}`");
                Response::new_err(id, ErrorCode::MethodNotFound as i32, message)
            }
        }
    }

    /// The open file that is asked about, and the byte.
    fn place(&self, asked: &lsp::TextDocumentPositionParams) -> Option<(OpenFile, usize)> {
        let file = self.workspace.open_file(&asked.text_document.uri)?;
        let offset = Lines::of(&file.buffer.text).offset(asked.position);
        Some((file, offset))
    }
}

/// Answers a request by its parameters; `null` where there is nothing to say.
fn at_position<P: DeserializeOwned, R: Serialize>(
    id: RequestId,
    params: Value,
    answer: impl FnOnce(P) -> Option<R>,
) -> Response {
    match serde_json::from_value(params) {
        Ok(params) => Response::new_ok(id, answer(params)),
        Err(error) => Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string()),
    }
}

/// The parameters of a notification. What cannot be read is left out: nobody waits for an answer.
fn params<P: DeserializeOwned>(params: Value) -> Option<P> {
    serde_json::from_value(params).ok()
}

/// The text after a change: the editor was asked for whole texts.
fn whole_text(
    changed: lsp::DidChangeTextDocumentParams,
) -> Option<(lsp::VersionedTextDocumentIdentifier, String)> {
    match changed.content_changes.into_iter().next_back()? {
        lsp::TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
            Some((changed.text_document, whole.text))
        }
        lsp::TextDocumentContentChangeEvent::TextDocumentContentChangePartial(_) => None,
    }
}

fn notification<N: lsp::Notification>(params: N::Params) -> Notification {
    Notification::new(N::METHOD.as_str().to_owned(), params)
}
