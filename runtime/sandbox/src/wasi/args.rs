//! `args_*` and `environ_*`: the vectors exactly as whoever started the process gave them.

use super::call::{Call, Ctx};
use super::{MODULE, host, mem};
use crate::errno::{Errno, Result};
use bstr::BString;
use wasmtime::Linker;

/// Adds the functions.
pub fn add(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    host!(
        linker,
        MODULE,
        "args_sizes_get",
        |call, count: u32, size: u32| {
            let words = call.kernel.process(call.pid)?.argv.clone();
            sizes(call, &words, count, size)
        }
    );
    host!(
        linker,
        MODULE,
        "args_get",
        |call, pointers: u32, buffer: u32| {
            let words = call.kernel.process(call.pid)?.argv.clone();
            store(call, &words, pointers, buffer)
        }
    );
    host!(
        linker,
        MODULE,
        "environ_sizes_get",
        |call, count: u32, size: u32| {
            let words = environment(call)?;
            sizes(call, &words, count, size)
        }
    );
    host!(
        linker,
        MODULE,
        "environ_get",
        |call, pointers: u32, buffer: u32| {
            let words = environment(call)?;
            store(call, &words, pointers, buffer)
        }
    );
    Ok(())
}

/// The environment as `NAME=value`.
fn environment(call: &Call<'_>) -> Result<Vec<BString>> {
    let process = call.kernel.process(call.pid)?;
    Ok(process
        .env
        .iter()
        .map(|(name, value)| {
            let mut word = name.clone();
            word.push(b'=');
            word.extend_from_slice(value);
            word
        })
        .collect())
}

/// Number of words and of their bytes, with a NUL each.
fn sizes(call: &mut Call<'_>, words: &[BString], count: u32, size: u32) -> Result<()> {
    let bytes: usize = words.iter().map(|word| word.len() + 1).sum();
    let overflow = |_| Errno::Overflow;
    mem::write_u32(
        call.memory,
        count,
        u32::try_from(words.len()).map_err(overflow)?,
    )?;
    mem::write_u32(call.memory, size, u32::try_from(bytes).map_err(overflow)?)
}

/// The words one after the other, and a pointer to each.
fn store(call: &mut Call<'_>, words: &[BString], pointers: u32, buffer: u32) -> Result<()> {
    let mut at = buffer;
    for (index, word) in (0u32..).zip(words) {
        mem::write_u32(call.memory, mem::element(pointers, index, 4)?, at)?;
        mem::write(call.memory, at, word)?;
        let end = mem::element(
            at,
            u32::try_from(word.len()).map_err(|_| Errno::Overflow)?,
            1,
        )?;
        mem::write(call.memory, end, &[0])?;
        at = mem::element(end, 1, 1)?;
    }
    Ok(())
}
