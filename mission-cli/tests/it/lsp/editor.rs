//! An editor, as far as a language server can tell.

use std::{
    io::BufReader,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use lsp_server::{Message, Notification, Request, RequestId};
use serde_json::{Value, json};
use url::Url;

/// Nothing takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An editor.
pub(super) struct Editor {
    pub(super) server: Child,
    pub(super) input: Option<ChildStdin>,
    messages: Receiver<Message>,
    requests: i32,
    root: PathBuf,
}

impl Editor {
    /// An editor that nobody has greeted yet.
    pub(super) fn silent(root: &Path) -> Editor {
        let mut server = Command::new(assert_cmd::cargo::cargo_bin!("mission"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(server.stdout.take().unwrap());
        let (told, messages) = mpsc::channel();
        thread::spawn(move || {
            while let Ok(Some(message)) = Message::read(&mut output) {
                if told.send(message).is_err() {
                    return;
                }
            }
        });
        Editor {
            input: server.stdin.take(),
            server,
            messages,
            requests: 0,
            root: root.to_owned(),
        }
    }

    pub(super) fn in_folder(root: &Path) -> Editor {
        let mut editor = Editor::silent(root);
        let known = editor.ask(
            "initialize",
            json!({ "capabilities": {}, "processId": null, "rootUri": null }),
        );
        assert_eq!(known["capabilities"]["positionEncoding"], "utf-16");
        editor.tell("initialized", json!({}));
        editor
    }

    pub(super) fn send(&mut self, message: &Message) {
        message.write(self.input.as_mut().unwrap()).unwrap();
    }

    pub(super) fn tell(&mut self, method: &str, params: Value) {
        self.send(&Notification::new(method.to_owned(), params).into());
    }

    /// The result of a request, or its error.
    pub(super) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = RequestId::from(self.requests);
        self.send(&Request::new(id.clone(), method.to_owned(), params).into());
        loop {
            match self.messages.recv_timeout(PATIENCE).unwrap() {
                Message::Response(answer) if answer.id == id => {
                    return answer
                        .response_result
                        .unwrap_or_else(|error| json!({ "error": error.code }));
                }
                Message::Response(other) => assert_eq!(other.id, id, "answers come in order"),
                _ => {}
            }
        }
    }

    pub(super) fn uri(&self, path: &str) -> String {
        Url::from_file_path(self.root.join(path)).unwrap().into()
    }

    pub(super) fn open(&mut self, path: &str, text: &str) {
        let document = json!({ "uri": self.uri(path), "languageId": "toml", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub(super) fn change(&mut self, path: &str, version: i32, text: &str) {
        let document = json!({ "uri": self.uri(path), "version": version });
        let changes = json!([{ "text": text }]);
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": changes }),
        );
    }

    /// What is published next of a file.
    pub(super) fn findings(&mut self, path: &str) -> Vec<Value> {
        self.published(path, |_| true)
    }

    /// What is published of a version of an open file.
    pub(super) fn findings_of(&mut self, path: &str, version: i32) -> Vec<Value> {
        self.published(path, |told| told["version"] == version)
    }

    fn published(&mut self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let uri = self.uri(path);
        loop {
            let message = self.messages.recv_timeout(PATIENCE).unwrap();
            if let Message::Notification(told) = message
                && told.method == "textDocument/publishDiagnostics"
                && told.params["uri"] == uri
                && is_wanted(&told.params)
            {
                return told.params["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    /// Code and place of what is published next of a file.
    pub(super) fn places(&mut self, path: &str) -> Vec<String> {
        let findings = self.findings(path);
        findings
            .iter()
            .map(|found| format!("{} {}", found["code"].as_str().unwrap(), place(&found["range"])))
            .collect()
    }

    /// Asks about the `|` of a text that is opened, or changed, for it.
    pub(super) fn at(&mut self, what: &str, path: &str, marked: &str) -> Value {
        let offset = marked.find('|').unwrap();
        let text = marked.replacen('|', "", 1);
        self.open(path, &text);
        let before = &text[..offset];
        let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
        let position = json!({ "line": before.matches('\n').count(), "character": character });
        let params = json!({ "textDocument": { "uri": self.uri(path) }, "position": position });
        self.ask(&format!("textDocument/{what}"), params)
    }

    /// The labels of what can be written at the `|` of a text.
    pub(super) fn completed(&mut self, path: &str, marked: &str) -> Vec<String> {
        let items = self.at("completion", path, marked);
        let items = items.as_array().unwrap().iter();
        items
            .map(|item| item["label"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(super) fn hovered(&mut self, path: &str, marked: &str) -> String {
        let hover = self.at("hover", path, marked);
        hover["contents"]["value"]
            .as_str()
            .unwrap_or("nothing")
            .to_owned()
    }

    /// File and place of the definition of what is at the `|` of a text.
    pub(super) fn defined(&mut self, path: &str, marked: &str) -> String {
        let location = self.at("definition", path, marked);
        let root = format!("{}/", self.uri("").trim_end_matches('/'));
        match location["uri"].as_str() {
            Some(uri) => format!(
                "{} {}",
                uri.strip_prefix(&root).unwrap(),
                place(&location["range"])
            ),
            None => "nowhere".to_owned(),
        }
    }

    /// Says that this is all, and answers the exit code.
    pub(super) fn leave(mut self) -> Option<i32> {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.tell("exit", Value::Null);
        self.server.wait().unwrap().code()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// A range as `line:character-line:character`, from 0.
pub(super) fn place(range: &Value) -> String {
    let position = |end: &str| format!("{}:{}", range[end]["line"], range[end]["character"]);
    format!("{}-{}", position("start"), position("end"))
}
