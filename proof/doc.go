// Package proof holds no code, only tests of what a durable journal, the file sink and
// the command promise, made as a sceptic would make them: real processes that are
// killed, real file systems that fill up and fail, directories that are damaged byte by
// byte, files that are rotated while they are written to. Go's tests of the
// other packages say that the parts do what they are to do; these say that the whole
// keeps its word.
//
// A child is this package's test binary once more. It logs from several goroutines
// to sinks of its own, tells the parent over a pipe of every record that was
// accepted, and writes down what the sinks were given, with one system call a batch,
// so that a kill loses none of that. An oracle in the parent compares the two. It
// knows nothing of the journal but the ids of records. The tests of the command build
// it and look at it from outside.
//
// FAPILOG_PROVE_SCALE is how much of a proof is done, from 0 to 1: 1 is a thousand
// kills and a hundred thousand damaged directories, which ../prove does. Without it
// it is a few of each, and what mounts file systems is skipped. FAPILOG_PROVE_SEED
// repeats a run whose seed was printed.
package proof
