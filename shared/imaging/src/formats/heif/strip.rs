//! Removes metadata in place, because the container has the positions of everything in it.
//!
//! The lists below name what pictures need. Everything else becomes zeros, also what this code does not know: for
//! example the video of a motion photo (the box `mpvd`), or a description (the property `udes`).

use std::ops::Range;

use super::boxes::{Box, Fields, boxes};
use super::container::{Container, place};
use super::movie::Movie;

/// The types of items with pictures: coded ones, and those that are made of others.
const PICTURES: [&[u8; 4]; 6] = [b"av01", b"grid", b"hvc1", b"iden", b"iovl", b"tmap"];
/// The boxes of the list of items whose content stays.
const META: [&[u8; 4]; 7] = [b"dinf", b"grpl", b"hdlr", b"iinf", b"iloc", b"iref", b"pitm"];
/// The properties that say how to decode and show an item.
const PROPERTIES: [&[u8; 4]; 17] = [
    b"a1lx", b"a1op", b"amve", b"auxC", b"av1C", b"cclv", b"clap", b"clli", b"colr", b"hvcC", b"imir",
    b"irot", b"ispe", b"lsel", b"mdcv", b"pasp", b"pixi",
];
/// The boxes of a track whose content stays, but for the times in the headers.
const TRACK: [&[u8; 4]; 4] = [b"edts", b"mdia", b"tkhd", b"tref"];

/// A copy without metadata, or `None` if the container is damaged.
pub(crate) fn strip(file: &[u8]) -> Option<Vec<u8>> {
    let container = Container::read(file)?;
    let mut needed = container.places(|kind| PICTURES.contains(&kind));
    let mut private = Private { file, places: Vec::new() };
    let mut end = 0;
    for (kind, content) in boxes(file) {
        match &kind {
            b"ftyp" => {}
            b"mdat" => private.add(content),
            b"meta" => private.add_list_of_items(content),
            b"moov" => {
                let movie = Movie::read(file)?;
                let frames = movie.pictures.iter().chain(movie.alpha.iter().flatten());
                needed.extend(frames.map(|frame| place(file, frame)));
                private.add_movie(content);
            }
            _ => {
                private.add(content);
                continue;
            }
        }
        end = place(file, content).end;
    }
    // What no picture needs at the end is cut off.
    let end = needed.iter().map(|place| place.end).fold(end, usize::max);

    let mut stripped = file.to_vec();
    for place in private.places {
        stripped.get_mut(place)?.fill(0);
    }
    for place in needed {
        stripped.get_mut(place.clone())?.copy_from_slice(file.get(place)?);
    }
    // The data of a picture may reach up to the end of the media data, and contain these.
    for place in container.places(|kind| matches!(kind, b"Exif" | b"mime" | b"uri ")) {
        stripped.get_mut(place)?.fill(0);
    }
    stripped.truncate(end);
    Some(stripped)
}

/// The places of what becomes zeros, unless a picture needs it.
struct Private<'a> {
    file: &'a [u8],
    places: Vec<Range<usize>>,
}

impl<'a> Private<'a> {
    fn add(&mut self, part: &'a [u8]) {
        self.places.push(place(self.file, part));
    }

    /// Adds those of the boxes in `content` that are not in the list, and returns the others.
    fn add_others(&mut self, content: &'a [u8], list: &[&[u8; 4]]) -> Vec<Box<'a>> {
        let (kept, others): (Vec<_>, Vec<_>) = boxes(content).partition(|(kind, _)| list.contains(&kind));
        others.into_iter().for_each(|(_, content)| self.add(content));
        kept
    }

    fn add_list_of_items(&mut self, content: &'a [u8]) {
        // The content follows a version and flags.
        let content = content.get(4..).unwrap_or_default();
        for (kind, content) in boxes(content).filter(|(kind, _)| !META.contains(&kind)) {
            if kind != *b"iprp" {
                self.add(content);
                continue;
            }
            for (_, properties) in
                self.add_others(content, &[b"ipco", b"ipma"]).iter().filter(|(kind, _)| kind == b"ipco")
            {
                self.add_others(properties, &PROPERTIES);
            }
        }
    }

    fn add_movie(&mut self, content: &'a [u8]) {
        for (kind, content) in self.add_others(content, &[b"mvhd", b"trak"]) {
            if kind == *b"mvhd" {
                self.add_times(content);
                continue;
            }
            for (kind, content) in self.add_others(content, &TRACK) {
                match &kind {
                    b"tkhd" => self.add_times(content),
                    b"mdia" => {
                        let header = boxes(content).find(|(kind, _)| kind == b"mdhd");
                        header.into_iter().for_each(|(_, content)| self.add_times(content));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Adds the times at which something was made and changed. They follow the version and flags of its header.
    fn add_times(&mut self, header: &'a [u8]) {
        let length = if Fields(header).full_box() == Some(0) { 8 } else { 16 };
        if let Some(times) = header.get(4..4 + length) {
            self.add(times);
        }
    }
}
