package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/itoc360/itoc360-operator/internal/panics"
)

// work commits what is handed in until the spool is closed.
func (s *Spool) work() {
	defer s.end()
	// The loop gives no error.
	_ = panics.KeepRunning(context.Background(), s.options.Log, "spool", func(context.Context) error {
		s.commitUntilStopped()
		return nil
	})
}

// commitUntilStopped commits as much at once as waits.
func (s *Spool) commitUntilStopped() {
	reopen := time.NewTicker(reopenInterval)
	defer reopen.Stop()
	remove := time.NewTicker(removalInterval)
	defer remove.Stop()
	for {
		select {
		case <-s.wake:
			s.commitAll(false)
		case <-remove.C:
			s.commitAll(true)
		case <-reopen.C:
			s.open()
		case <-s.stopped:
			s.handedIn.Lock()
			s.closed = true
			s.handedIn.Unlock()
			s.commitAll(true)
			return
		}
	}
}

// commitAll commits groups until nothing waits, or one fails.
func (s *Spool) commitAll(removalsToo bool) {
	for {
		puts, removals := s.take(removalsToo)
		if len(puts) == 0 && len(removals) == 0 {
			return
		}
		last := time.NewTimer(commitInterval)
		isDone := s.commit(puts, removals)
		<-last.C
		if !isDone {
			return
		}
	}
}

func (s *Spool) end() {
	close(s.ended)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		if err := guarded(s.db.Close); err != nil {
			s.options.Log.Error(err, "Could not close the spool")
		}
		s.db = nil
	}
}

// commit makes a group of changes durable, and tells those who wait for it; false if it failed.
func (s *Spool) commit(puts []put, removals []uint64) (isDone bool) {
	fits := 0
	err := panics.CatchError(s.options.Log, "spool commit", func() (err error) {
		fits, err = s.write(puts, removals)
		return err
	})
	// Whatever else happens, those who wait for it hear.
	defer s.answer(puts, fits, err)
	if err != nil {
		s.again(removals)
	}
	switch {
	case errors.Is(err, ErrDown):
	case errors.Is(err, errDamaged):
		s.replace(err)
	case err != nil:
		s.tell("SpoolUnavailable", withoutSpool+err.Error())
	case fits < len(puts):
		s.tell("SpoolFull", withoutSpool+fmt.Sprintf("%d signals have %d bytes, all that --spool-max-bytes grants", s.depth, s.bytes))
	case len(puts) > 0:
		s.tell("", "")
	}
	return err == nil
}

// answer tells those who wait for a commit what became of it.
func (s *Spool) answer(puts []put, fits int, err error) {
	for i, one := range puts {
		result := err
		if err == nil && i >= fits {
			result = ErrFull
		}
		_ = panics.Catch(s.options.Log, "spool answer", func() { one.done(result) })
	}
}

// again lets removals be tried with the next commit.
func (s *Spool) again(removals []uint64) {
	s.handedIn.Lock()
	defer s.handedIn.Unlock()
	s.removals = append(s.removals, removals...)
}

// withoutSpool is what follows from each problem.
const withoutSpool = "what cannot be recorded in time is answered 503: "

// write commits removals, and as many of the puts as there is room for: those before the returned index.
func (s *Spool) write(puts []put, removals []uint64) (fits int, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return 0, ErrDown
	}
	if failed := s.failing.Load(); failed != nil {
		return 0, *failed
	}
	if err := s.whole(); err != nil {
		return 0, err
	}
	var depth int
	var bytes int64
	err = guarded(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			bucket := tx.Bucket(bucketName)
			bucket.FillPercent = fillPercent
			fits, depth, bytes = 0, s.depth, s.bytes
			for _, sequence := range removals {
				key := keyOf(sequence)
				if stored := bucket.Get(key); stored != nil {
					depth, bytes = depth-1, bytes-sizeOf(len(stored)-checksumSize)
				}
				if err := bucket.Delete(key); err != nil {
					return err
				}
			}
			for _, one := range puts {
				size := sizeOf(len(one.value))
				if bytes+size > s.options.MaxBytes {
					return nil
				}
				if err := bucket.Put(keyOf(one.sequence), sealed(one.value)); err != nil {
					return err
				}
				fits, depth, bytes = fits+1, depth+1, bytes+size
			}
			return nil
		})
	})
	if err != nil {
		err = fmt.Errorf("write to the spool: %w", err)
		s.failing.Store(&err)
		giveReserve(s.options.Dir)
		time.AfterFunc(retryInterval, func() { s.failing.Store(nil) })
		return 0, err
	}
	s.depth, s.bytes = depth, bytes
	s.size.Store(sizeOfFile(s.db.Path()))
	s.measure()
	keepReserve(s.options.Dir)
	return fits, nil
}

// whole is an error if the file has been cut short: to touch what is gone would end the process.
func (s *Spool) whole() error {
	if was, is := s.size.Load(), sizeOfFile(s.db.Path()); is < was {
		return fmt.Errorf("%w: it had %d bytes, and has %d", errDamaged, was, is)
	}
	return nil
}

// sizeOfFile is 0 for a file that is not there.
func sizeOfFile(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

func sizeOf(value int) int64 { return int64(value) + overhead }

func (s *Spool) measure() {
	depthEntries.Set(float64(s.depth))
	sizeBytes.Set(float64(s.bytes))
}
