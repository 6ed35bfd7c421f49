package spool

import (
	"fmt"
)

// open opens the file, unless it is open.
func (s *Spool) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return
	}
	db, entries, damage, err := openFile(s.options.Dir)
	if err != nil {
		up.Set(0)
		s.tell("SpoolUnavailable", withoutSpool+err.Error())
		return
	}
	s.db, s.depth, s.bytes = db, len(entries), 0
	s.size.Store(sizeOfFile(db.Path()))
	s.failing.Store(nil)
	for _, one := range entries {
		s.bytes += sizeOf(len(one.value))
	}
	up.Set(1)
	s.measure()
	if damage != nil {
		damagedTotal.Inc()
		s.tell("SpoolDamaged", fmt.Sprintf("%v; the file was set aside as %s, and the %d entries that could be read were kept",
			damage, damagedName, len(entries)))
	} else {
		s.tell("", "")
	}
	if s.found != nil {
		for _, one := range entries {
			s.found(one.sequence, one.value)
		}
		s.found = nil
	}
}

// replace gives up a file that turned out to be damaged, and begins another one with what can be read.
func (s *Spool) replace(damage error) {
	s.options.Log.Error(damage, "The spool file is damaged")
	s.mu.Lock()
	if err := guarded(s.db.Close); err != nil {
		s.options.Log.Error(err, "Could not close the damaged spool file")
	}
	s.db = nil
	s.mu.Unlock()
	s.open()
}

// tell tells of a problem when it begins, and when there is none any more; a problem in the same words is told once.
func (s *Spool) tell(reason, message string) {
	if reason == s.problem {
		return
	}
	s.problem = reason
	if reason == "" {
		s.options.Log.Info("The spool can be used", "directory", s.options.Dir, "entries", s.depth)
		return
	}
	problemsTotal.WithLabelValues(reason).Inc()
	s.options.Log.Error(nil, "The spool has a problem: "+message, "reason", reason, "directory", s.options.Dir)
	s.options.Trouble(reason, message)
}
