use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = "protos/autoquality.binpb";
    println!("cargo:rerun-if-changed={path}");
    let set = prost_types::FileDescriptorSet::decode(&*std::fs::read(path)?)?;
    tonic_prost_build::configure()
        // The tests need a server. Otherwise, add .build_server(false).
        // Images are Bytes, which are shared and not copied.
        .bytes(".")
        .compile_fds(set)?;
    Ok(())
}
