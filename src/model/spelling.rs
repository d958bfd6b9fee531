//! The name that a misspelt one is likely to mean.

/// How alike two names must be, from 0 to 1 by Jaro and Winkler, for one to be taken for the other.
const ALIKE: f64 = 0.8;

/// The known name that is most like `word`, if any is alike. Case, hyphens and underscores count for nothing.
pub fn nearest<T: AsRef<str>>(word: &str, known: impl IntoIterator<Item = T>) -> Option<T> {
    let plain = |word: &str| word.replace(['-', '_', ' '], "").to_lowercase();
    let word = plain(word);
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&word, &plain(known.as_ref())), known))
        .filter(|(likeness, _)| ALIKE <= *likeness)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
