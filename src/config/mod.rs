//! The policy file: from text to the model.
