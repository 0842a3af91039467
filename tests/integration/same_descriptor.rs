//! One picture has one descriptor: on every instruction set, with any number of threads, by every
//! way in, in both databases.

use eyrie::domain::{CollectionName, ImageId, Profile};
use eyrie_chip::Kernels;
use serde_json::Value;

use crate::program::Program;
use crate::support::Place;
use crate::support::app::{COLLECTION, TestApp};

fn described(program: &Program, more: &[&str]) -> (String, Vec<u32>) {
    let answer = program.run(&[&["describe", "picture.png", "--json"], more].concat()).expect_code(0).json();
    let answer = answer.as_array().map_or(answer.clone(), |list| list[0].clone());
    let values = answer["descriptor"].as_array().expect("a list");
    // A shortest decimal text stands for one f32 alone.
    let bits = values.iter().map(|v| (v.as_f64().expect("a number") as f32).to_bits()).collect();
    (answer["version"].as_str().expect("a version").to_owned(), bits)
}

#[test]
fn every_isa_and_thread_count_gives_the_same_bytes() {
    let program = Program::new();
    program.picture("picture.png", 7);
    let expected = described(&program, &["--profile", "fast", "--isa", "scalar", "--threads", "1"]);
    for kernels in Kernels::available() {
        let isa = kernels.isa().to_string();
        for threads in ["1", "2"] {
            let got = described(&program, &["--profile", "fast", "--isa", &isa, "--threads", threads]);
            assert_eq!(got, expected, "{isa}, {threads} threads");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_and_command_line_over_sqlite_and_postgres_give_the_same_bytes() {
    let program = Program::new();
    let path = program.picture("picture.png", 8);
    let bytes = std::fs::read(path).expect("the picture");
    let (version, expected) = described(&program, &["--profile", Profile::Fast.as_str()]);
    for place in [Place::sqlite(), Place::postgres().await] {
        let app = TestApp::builder().store(place.open().await).start().await;
        app.add("picture", bytes.clone(), Value::Null).await;
        let (collection, id) =
            (CollectionName::new(COLLECTION).expect("valid"), ImageId::new("picture").expect("valid"));
        let (_, stored) = app.store.get_descriptor(&collection, &id).await.expect("the store answers").expect("stored");
        assert_eq!(stored.version.to_string(), version);
        let bits: Vec<u32> = stored.descriptor.values().iter().map(|v| v.to_bits()).collect();
        assert_eq!(bits, expected);
    }
}
