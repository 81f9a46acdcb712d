#![doc = include_str!("../README.md")]

mod bits;
mod color;
mod huffman;
mod idct;
pub mod markers;
mod scan;
mod skip;
mod tables;
#[cfg(test)]
mod tests;

use markers::EOI;
use scan::Scan;

/// The file is unusual or damaged. A complete decoder has to decode it, or to say what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file is no complete, sequential JPEG of a common kind")]
pub struct Unsupported;

/// Decodes a JPEG file at scale 1/8, from one component to grey and from YCbCr to RGB.
///
/// `size` is the width and height of the picture, each divided by 8 and rounded up. `pixels` receives the rows from
/// top to bottom without padding: one byte per pixel for a file with one component, three for a file with three. The
/// function takes three components for YCbCr. Files with RGB exist too: the caller has to check the color space.
///
/// # Errors
/// [`Unsupported`] if the file is unusual or damaged, or if `size` or the length of `pixels` does not fit it. Then the
/// content of `pixels` is undefined.
pub fn decode(jpeg: &[u8], size: (usize, usize), pixels: &mut [u8]) -> Result<(), Unsupported> {
    decode_scan(jpeg, size, pixels).ok_or(Unsupported)
}

fn decode_scan(jpeg: &[u8], (width, height): (usize, usize), pixels: &mut [u8]) -> Option<()> {
    let mut scan = Scan::read(jpeg)?;
    if scan.size != (width, height) || width == 0 || height == 0 {
        return None;
    }
    let (mcu_width, mcu_height) = scan.mcu_pixels();
    let mcus = width.div_ceil(mcu_width);
    let stride = mcus * mcu_width;
    // One row of MCUs at a time.
    let mut planes = vec![vec![0; stride * mcu_height]; scan.components.len()];
    let mut until_restart = scan.restart_interval;
    let mut restarts = 0_u8;
    let bytes_per_row = width * planes.len();
    if pixels.len() != bytes_per_row * height {
        return None;
    }
    for rows in pixels.chunks_mut(bytes_per_row * mcu_height) {
        for mcu in 0..mcus {
            if scan.restart_interval > 0 {
                if until_restart == 0 {
                    scan.restart(restarts)?;
                    (until_restart, restarts) = (scan.restart_interval, restarts.wrapping_add(1));
                }
                until_restart -= 1;
            }
            for (component, plane) in scan.components.iter_mut().zip(&mut planes) {
                component.decode_mcu(&mut scan.bits, plane.get_mut(mcu * mcu_width..)?, stride)?;
            }
        }
        for (y, row) in rows.chunks_mut(bytes_per_row).enumerate() {
            let line = |plane: usize| planes.get(plane)?.get(y * stride..)?.get(..width);
            match line(1).zip(line(2)) {
                Some((cb, cr)) => color::to_rgb(line(0)?, cb, cr, row),
                None => row.copy_from_slice(line(0)?),
            }
        }
    }
    scan.bits.expect_marker(EOI)
}
