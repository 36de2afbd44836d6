package main

func fanoutTarget() target {
	return target{"fanout", "single calls, 16 sinks against 1; row 4", runFanout}
}

func runFanout(s *session) error {
	ours := pipeline{journalBytes: s.journal}
	many, one, err := timings(s, leastCalls, [2]arm{ours.arm("16 sinks", inCall, 16), ours.arm("1 sink", inCall, 1)},
		[2]func() destinations{discard, discard})
	if err != nil {
		return err
	}
	s.compareTails(row{Number: 4, Question: "caller, 16 sinks", Against: "fapilog with 1 sink"}, many, one)
	return nil
}
