//! Every mistake in a policy file gets an exact message: the line, the column, the key, what is wrong, what to write.

mod entries;
mod outline;
mod policies;
mod settings;
mod target_tracking;

use trimtab::config::PolicyFile;

/// A mistake, the text that has it, and its messages after `trimtab.yaml:`.
type Case = (&'static str, Text, &'static [&'static str]);

/// The text of a case.
enum Text {
    /// A whole file.
    File(&'static str),
    /// What follows the service and its capacity in an entry, from line 5 on.
    Entry(&'static str),
}

fn assert_problems(cases: &[Case]) {
    for (mistake, text, expected) in cases {
        let text = text.whole();
        let problems = PolicyFile::parse("trimtab.yaml", &text).map_or_else(|all| all, |file| file.problems);
        let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let expected: Vec<String> =
            expected.iter().map(|message| format!("trimtab.yaml:{message}")).collect();
        assert_eq!(messages, expected, "{mistake}:\n{text}");
    }
}

impl Text {
    fn whole(&self) -> String {
        match self {
            Self::File(text) => (*text).to_owned(),
            Self::Entry(rest) => {
                let head =
                    "version: 1\nservices:\n  - service: prod/checkout\n    capacity: { min: 1, max: 9 }\n";
                rest.lines().fold(head.to_owned(), |text, line| format!("{text}    {line}\n"))
            }
        }
    }
}
