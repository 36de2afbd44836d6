// Package crash names the places at which a kill of the process is most
// interesting: between two steps that must be safe to separate.
//
// In a build with the tag crashpoints a process kills itself, with SIGKILL, when
// it passes one of them: see the variables of the environment at the constants.
// In any other build the points are empty functions.
package crash

const (
	// EnvAt is the variable of the environment that names the point to die at.
	EnvAt = "FAPILOG_CRASH_AT"
	// EnvAfter is the variable that says at which pass of the point, from 1,
	// which is also the default.
	EnvAfter = "FAPILOG_CRASH_AFTER"
	// EnvMark is the variable that names a file, which is made just before the
	// process kills itself, so that who started it knows that it was here and
	// not elsewhere that it ended. Without it no file is made.
	EnvMark = "FAPILOG_CRASH_MARK"
)

// Names are the names of all points in the journal.
var Names = []string{
	"append.reserved",   // the frame's place is taken: its length and sequence are there, the rest is not
	"append.filled",     // all of the frame is there but for its state
	"append.published",  // the frame is whole, and the append has not returned
	"segment.created",   // a segment's file is there and empty
	"segment.allocated", // it has its blocks, and no header
	"rotate.header",     // one copy of the header of the segment to come is written
	"rotate.installed",  // both are, and the segment is the active one
	"segment.unlinked",  // a segment's file has been removed
	"cursor.slot",       // a cursor's slot is half written
	"cursor.stored",     // a cursor's slot is written
	"life.created",      // a life's directory and lock are there under its first name
	"life.renamed",      // and under its own
	"life.claimed",      // a dead life is locked
	"fold.written",      // a dead life's tallies are carried, and its directory is there
	"life.removing",     // some of a dead life's files are removed
	"rewrite.frames",    // some of what was accepted in memory is back on disk
}

// FileNames are the names of all points in the file sink.
var FileNames = []string{
	"file.created",  // a new file is there and empty
	"file.repaired", // the torn line of a process that was killed is cut off or ended, and nothing is written behind it
	"file.rotated",  // the file has its rotated name, and there is no new one
	"file.removed",  // a rotated file is removed by retention, and others may have to be
	"gzip.begun",    // some of the temporary file is written; passed for each part
	"gzip.written",  // all of it is, and on the disk
	"gzip.renamed",  // the compressed file has its name, and the original is there as well
	"gzip.removed",  // the original is removed
}
