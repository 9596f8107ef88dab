use super::ScriptOutline;

/// The outline's answer at the `|` of a script.
fn chain(marked: &str) -> Option<(Option<String>, String, bool)> {
    let offset = marked.find('|').unwrap();
    let source = marked.replacen('|', "", 1);
    let chain = ScriptOutline::of(&source).chain_at(offset)?;
    Some((
        chain.before.map(|words| words.join(".")),
        source[chain.word].to_owned(),
        chain.is_call,
    ))
}

#[test]
fn a_word_is_found_with_what_stands_before_it() {
    let found = |before: Option<&str>, word: &str, is_call| {
        Some((before.map(str::to_owned), word.to_owned(), is_call))
    };
    for (marked, expected) in [
        ("ctx.|", found(Some("ctx"), "", false)),
        ("if ctx.user.le| >= 3", found(Some("ctx.user"), "le", false)),
        ("ctx.us|er.level", found(Some("ctx"), "user", false)),
        ("ctx\n    ?.user . |", found(Some("ctx.user"), "", false)),
        ("ctx.user.tags.le|n ()", found(Some("ctx.user.tags"), "len", true)),
        ("helper(ctx).|", found(None, "", false)),
        ("ctx.user[0].|", found(None, "", false)),
        ("1..|", found(Some(""), "", false)),
        ("let xé = n|", found(Some(""), "n", false)),
        ("a // ctx.|", None),
        ("a /* ctx.| */ b", None),
        ("\"ctx.|\"", None),
        ("\"ctx.|", None),
        ("`${ctx.us|} of`", found(Some("ctx"), "us", false)),
        ("`${ctx.user.|", found(Some("ctx.user"), "", false)),
        ("`${ctx.user}.|`", None),
        ("|", found(Some(""), "", false)),
    ] {
        assert_eq!(chain(marked), expected, "{marked}");
    }
}

#[test]
fn functions_are_found_with_parameters_and_comments() {
    let source = "// fn not(this)\n\n/// Who may\n/// start.\nfn eligible(context) { \"fn nor(that)\"; `fn no` }\n\
        /* How\n * much. */\nprivate fn add( a ,b) {\n fn\nconst x = 1;\nfn open(ctx, y";
    let outline = ScriptOutline::of(source);
    let found: Vec<_> = outline
        .functions()
        .iter()
        .map(|function| {
            (
                function.name.as_str(),
                function.parameters.join(" "),
                function.comment.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("eligible", "context".to_owned(), Some("Who may\nstart.")),
            ("add", "a b".to_owned(), Some("How\nmuch.")),
            ("const", String::new(), None),
            ("open", "ctx y".to_owned(), None),
        ]
    );
    assert_eq!(outline.context_at(source.find("nor").unwrap()), Some("context"));
    assert_eq!(outline.context_at(source.find("private").unwrap() + 20), None);
    assert_eq!(outline.context_at(source.len()), Some("ctx"));
    assert_eq!(outline.context_at(0), None);
}

#[test]
fn the_code_of_completions_is_found() {
    let source =
        "fn eligible(ctx) { ctx.completions[\"first-st\"] > 0 && ctx.user[\"x\"] && ctx.completions[ \"";
    let outline = ScriptOutline::of(source);
    let code = outline.completions_code_at(source.find("rst").unwrap()).unwrap();
    assert_eq!(&source[code], "first-st");
    assert_eq!(outline.completions_code_at(source.find("\"x").unwrap() + 1), None);
    assert_eq!(
        outline.completions_code_at(source.len()),
        Some(source.len()..source.len())
    );
    assert_eq!(outline.completions_code_at(3), None);
}

#[test]
fn any_text_at_any_place_is_taken() {
    for source in [
        "fn",
        "fn fn(fn",
        "`${`${",
        "é.ö",
        "/*",
        "\"",
        "'",
        "`${\"",
        "a.\u{feff}b",
        "fn é(ü) { ctx.",
        "`é${ö}ü`",
    ] {
        let outline = ScriptOutline::of(source);
        for offset in 0..=source.len() + 1 {
            let found = (outline.chain_at(offset), outline.completions_code_at(offset));
            assert!(
                outline
                    .context_at(offset)
                    .is_none_or(|name| source.contains(name)),
                "{source} {found:?}"
            );
        }
    }
}
