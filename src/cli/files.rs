//! Files that commands write.

use std::fs;
use std::path::Path;

use super::error::CliError;

/// Writes a file.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CliError> {
    fs::write(path, text).map_err(|error| cannot_write(path, &error))
}

/// Writes a file so that, whenever it is interrupted, the old one or the new one is there as a whole.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), CliError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| cannot_write(path, &error))?;
    }
    let partial = path.with_extension("partial");
    write(&partial, text)?;
    fs::rename(&partial, path).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CliError {
    CliError::world(format!("the file {} cannot be written: {error}", path.display()))
}
