//! The order of a list of images.

/// What a list of images is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// The time at which the image was created.
    CreatedAt,
    /// The time at which the picture was taken: see [`TakenPosition`](crate::TakenPosition).
    TakenAt,
    /// The file name, folded as for a search: see [`fold`](crate::fold).
    FileName,
}

/// The direction of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The earliest time, or the first name of the alphabet, comes first.
    Ascending,
    /// The latest time, or the last name of the alphabet, comes first.
    Descending,
}
