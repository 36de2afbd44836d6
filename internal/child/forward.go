package child

import (
	"os"
	"os/signal"
)

// told is how many signals the channel of Forward holds.
const told = 16

// Forward passes signals on to the program until stop is closed, those among them that
// have come since Start; see the package's documentation for which. Once the program
// has ended there is nobody to pass them on to.
//
// The channel gets, before the program's end and after it, the signals that ask for an
// end: SIGHUP, SIGINT, SIGQUIT and SIGTERM. It is never waited for. When stop is closed
// signals do to this process again what they do by default.
//
// Forward is called once. Its goroutine ends with stop.
func (c *Child) Forward(stop <-chan struct{}) <-chan os.Signal {
	ends := make(chan os.Signal, told)
	go func() {
		defer signal.Stop(c.signals)
		for n := 0; ; n++ {
			select {
			case s := <-c.signals:
				c.pass(s, n < c.early)
				if asksForEnd(s) {
					tell(ends, s)
				}
			case <-stop:
				return
			}
		}
	}()
	return ends
}

// pass gives the program a signal, unless it has it. An early one came before the
// program was there to have it.
func (c *Child) pass(s os.Signal, early bool) {
	if !fromTerminal(s) || early || !c.shares() {
		_ = c.process.Signal(s) // it may have ended
		return
	}
	if stops(s) {
		stop()
	}
}

// shares reports whether the program gets the terminal's signals as this process does.
// When it has ended there is nobody who would have to get them otherwise.
func (c *Child) shares() bool {
	select {
	case <-c.exited:
		return inForeground()
	default:
		return sameGroup(c.process.Pid) && inForeground()
	}
}

func tell(ends chan<- os.Signal, s os.Signal) {
	select {
	case ends <- s:
	default: // nobody listens, and has not for a while
	}
}
