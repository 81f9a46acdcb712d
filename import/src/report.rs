//! What the import prints: a line for each line of the manifest, and a summary.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use domain::Failure;

use crate::outcome::Outcome;

/// The report. Standard output contains one line for each line of the manifest that is not empty.
#[derive(Debug, Default)]
pub(crate) struct Report {
    counts: RefCell<BTreeMap<&'static str, usize>>,
    has_problems: Cell<bool>,
}

impl Report {
    /// Reports what became of a line. `name` is its type and id, or empty if they are not known.
    pub(crate) fn line(&self, number: usize, name: &str, result: &Result<Outcome, String>) {
        let name = if name.is_empty() { String::new() } else { format!(", {name}") };
        let count = match result {
            Ok(Outcome::Created) => "created",
            Ok(Outcome::Exists) => "exists",
            Err(_) => "refused",
        };
        *self.counts.borrow_mut().entry(count).or_default() += 1;
        match result {
            Ok(_) => println!("line {number}{name}: {count}"),
            Err(reason) => {
                self.has_problems.set(true);
                println!("line {number}{name}: refused: {reason}");
            }
        }
    }

    /// Reports that the file of a line is not a picture.
    pub(crate) fn failed(&self, number: usize, failure: &Failure) {
        self.has_problems.set(true);
        println!("line {number}: the image has no picture: {}", failure.detail);
    }

    /// Reports the images that were not processed in time.
    pub(crate) fn unprocessed(&self, images: usize) {
        if images > 0 {
            self.has_problems.set(true);
            println!(
                "{images} images are not processed yet. GET /api/admin/images?status=processing lists them."
            );
        }
    }

    /// Prints the summary. Returns whether everything was imported.
    pub(crate) fn end(&self) -> bool {
        let counts = self.counts.borrow();
        let count = |name| counts.get(name).copied().unwrap_or_default();
        let (created, exists, refused) = (count("created"), count("exists"), count("refused"));
        println!("{created} lines created something, {exists} existed, {refused} were refused.");
        !self.has_problems.get()
    }
}
