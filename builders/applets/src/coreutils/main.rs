//! GNU coreutils in one module: the name it is started under (`argv[0]`) says which utility it is.
//!
//! Each utility is uutils' crate of the same name. What WASI keeps those from doing as GNU does is
//! written by hand beside this file.

type Utility = fn(std::vec::IntoIter<std::ffi::OsString>) -> i32;

fn main() {
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let name = args.first().and_then(|a| std::path::Path::new(a).file_name()).and_then(|n| n.to_str()).unwrap_or("").to_owned();
    let utility: Utility = match name.as_str() {
        "cat" => uu_cat::uumain,
        "ls" => uu_ls::uumain,
        "sort" => uu_sort::uumain,
        _ => std::process::exit(127),
    };
    let _ = uucore::locale::setup_localization(&name);
    std::process::exit(utility(args.into_iter()));
}
