//go:build unix

package proof

import "time"

// planVariable is the variable of the environment that makes the test binary a child.
const planVariable = "FAPILOG_PROOF_PLAN"

// plan is what a child is to do, as JSON.
type plan struct {
	Dir          string // of the journal; empty: it is in memory
	SegmentBytes int64
	MaxBytes     int64
	Out          string // directory of the sinks' files
	Sinks        []sinkPlan
	Files        []string // URIs of sinks, besides
	BatchRecords int      // most in flight for a sink

	Run       int
	Producers int
	Large     bool          // their records are large
	Records   uint64        // of each producer; 0: until the process ends
	Pause     time.Duration // after each record
	Early     bool          // says that a record was accepted before it was: a fault that the oracle must find
	Quiet     bool          // says nothing of records accepted: there are too many
	Block     bool          // producers wait for the sinks
	Starve    bool          // takes file descriptors away for a while, again and again

	End   ending
	After uint64 // records accepted in all when the end comes by itself
}

// ending is how a child ends.
type ending string

const (
	awaitsKill ending = "kill"  // it does not
	kills      ending = "self"  // it kills itself after After records
	exits      ending = "exit"  // os.Exit after After records
	fatal      ending = "fatal" // log.Fatal
	panics     ending = "panic" // a panic on a goroutine of its own
	closes     ending = "close" // Close, when the producers have logged their Records; it delivers everything
)

// sinkPlan is how one sink of a child behaves.
type sinkPlan struct {
	Name string
	Mode mode
	URL  string // of posts
}

type mode string

const (
	good    mode = "good"
	slow    mode = "slow"    // 1 ms for each batch
	failing mode = "failing" // every other attempt fails, before anything is written
	hung    mode = "hung"    // attempts run into their deadline
	dead    mode = "dead"    // all attempts fail
	gated   mode = "gated"   // attempts fail while there is a file Out/NAME.shut
	posts   mode = "posts"   // sends each batch to URL first
)
