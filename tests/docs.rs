//! The documentation says what the code does, where that can be checked.
#![cfg(test)]

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_reason_code_is_documented_and_no_other() {
    let source = read("src/model/decision.rs");
    let (_, body) = source.split_once("pub enum ReasonCode {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let codes: Vec<&str> = body.lines().filter_map(|line| line.trim().strip_suffix(',')).collect();
    let page = read("docs/reasons.md");
    let documented: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(code, _)| code)
        .collect();
    assert_eq!(documented, codes);
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    for page in pages() {
        let text = read(&page);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let (path, _) = link.split_once('#').unwrap_or((link, ""));
            assert!(link.contains("://") || path.is_empty() || folder.join(path).exists(), "{page}: {link}");
        }
    }
}

/// Every page that a reader may open: those beside the code, and those in `docs`.
fn pages() -> Vec<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let names = fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages = names
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"))
        .map(|name| format!("docs/{name}"));
    ["README.md", "ARCHITECTURE.md", "events/README.md", "tests/traces/README.md"]
        .map(str::to_owned)
        .into_iter()
        .chain(pages)
        .collect()
}
