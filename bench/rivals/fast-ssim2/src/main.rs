//! Scores a pair with fast-ssim2 and prints the score and the seconds of each repeat.
//!
//! rival FIRST SECOND WIDTH HEIGHT REPEATS: the files are bare 8-bit RGB. First the times with a
//! prepared reference, then those of a fresh pair.

use std::time::Instant;

fn read(path: &str, width: usize, height: usize) -> imgref::ImgVec<[u8; 3]> {
    let bytes = std::fs::read(path).expect("a file");
    let pixels = bytes.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
    imgref::ImgVec::new(pixels, width, height)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (width, height) = (args[3].parse().unwrap(), args[4].parse().unwrap());
    let repeats: usize = args[5].parse().unwrap();
    let first = read(&args[1], width, height);
    let second = read(&args[2], width, height);
    let prepared = fast_ssim2::Ssimulacra2Reference::new(first.as_ref()).unwrap();
    println!("{}", prepared.compare(second.as_ref()).unwrap());
    for _ in 0..repeats {
        let start = Instant::now();
        prepared.compare(second.as_ref()).unwrap();
        print!("{} ", start.elapsed().as_secs_f64());
    }
    println!();
    for _ in 0..repeats {
        let start = Instant::now();
        fast_ssim2::compute_ssimulacra2(first.as_ref(), second.as_ref()).unwrap();
        print!("{} ", start.elapsed().as_secs_f64());
    }
    println!();
}
