//! YCbCr to RGB.

/// Converts one row, with libjpeg's fixed-point arithmetic: 16 bits behind the point.
pub(crate) fn to_rgb(luma: &[u8], cb: &[u8], cr: &[u8], rgb: &mut [u8]) {
    const HALF: i32 = 1 << 15;
    let (rgb, _) = rgb.as_chunks_mut::<3>();
    for (((&luma, &cb), &cr), pixel) in luma.iter().zip(cb).zip(cr).zip(rgb) {
        let (luma, cb, cr) = (i32::from(luma), i32::from(cb) - 128, i32::from(cr) - 128);
        let red = luma + ((91_881 * cr + HALF) >> 16);
        let green = luma + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
        let blue = luma + ((116_130 * cb + HALF) >> 16);
        *pixel = [red, green, blue].map(|sample| sample.clamp(0, 255) as u8);
    }
}
