package lines

import "github.com/fapilog/fapilog/sink"

// remembered is how many IDs at least are remembered before older ones are
// forgotten: several batches, should attempts overlap.
const remembered = 8192

// seen remembers the IDs that were added last. The zero seen is empty.
type seen struct {
	young, old map[sink.ID]struct{}
}

// add makes room first, so that one batch is never forgotten in part.
func (s *seen) add(batch []sink.Record) {
	s.age()
	for _, r := range batch {
		s.put(r.ID)
	}
}

func (s *seen) addID(id sink.ID) {
	s.age()
	s.put(id)
}

func (s *seen) age() {
	if len(s.young) >= remembered {
		s.young, s.old = nil, s.young
	}
}

// put does not remember the zero ID: it is that of every record which was made by hand.
func (s *seen) put(id sink.ID) {
	if id == (sink.ID{}) {
		return
	}
	if s.young == nil {
		s.young = map[sink.ID]struct{}{}
	}
	s.young[id] = struct{}{}
}

func (s *seen) drop(id sink.ID) {
	delete(s.young, id)
	delete(s.old, id)
}

func (s *seen) empty() bool { return len(s.young)+len(s.old) == 0 }

func (s *seen) has(id sink.ID) bool {
	if _, ok := s.young[id]; ok {
		return true
	}
	_, ok := s.old[id]
	return ok
}
