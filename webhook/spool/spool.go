package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	bolt "go.etcd.io/bbolt"
)

const (
	// maxGroup is how many changes go into one commit.
	maxGroup = 1000
	// commitInterval is how soon a commit may follow another one: what comes meanwhile shares it. One that comes alone waits for
	// nothing.
	commitInterval = 2 * time.Millisecond
	// removalInterval is how long removals wait at most for a put to be committed with. What is removed late is at worst
	// recognized as recorded, after a crash.
	removalInterval = 50 * time.Millisecond
	// retryInterval is how soon a write is tried again after one that failed: each such costs a look at the whole file.
	retryInterval = time.Second
	// reopenInterval is how often a file that could not be opened is tried again.
	reopenInterval = 10 * time.Second
)

// ErrFull is for what would make the spool larger than it may be.
var ErrFull = errors.New("the spool is full")

// ErrDown is for a spool that has no file now.
var ErrDown = errors.New("the spool cannot be used")

// errClosed is for a spool that has been closed.
var errClosed = fmt.Errorf("%w: it is closed", ErrDown)

// Options say where a spool is, and who hears of it.
type Options struct {
	// Dir is its directory, its own.
	Dir string
	// MaxBytes is how large its entries may be together. The file can be larger, by pages that are not full.
	MaxBytes int64
	// Trouble hears what is wrong each time that something is, in a word for an Event (SpoolUnavailable, SpoolDamaged or
	// SpoolFull) and a sentence.
	Trouble func(reason, message string)
	// Log tells the same.
	Log logr.Logger
}

// Spool keeps entries on disk, in the order of their sequence. What is put is on disk, synced, once that is told; many puts at
// once share one commit. Without a usable file it refuses everything, and tries again every ten seconds.
type Spool struct {
	options Options
	// wake tells that there is something to commit.
	wake    chan struct{}
	stopped chan struct{}
	ended   chan struct{}

	handedIn sync.Mutex
	puts     []put
	removals []uint64
	closed   bool

	// The lock guards the file against being replaced while it is read.
	mu sync.RWMutex
	db *bolt.DB
	// size is the file's after the last commit.
	size  atomic.Int64
	bytes int64
	depth int

	// failing is what the last write failed with, until it is tried again.
	failing atomic.Pointer[error]

	// found is nil once it was told.
	found   func(sequence uint64, value []byte)
	problem string
}

// put is an entry to put, and who hears of it.
type put struct {
	entry

	done func(error)
}

// New makes a spool, which is down until it is started.
func New(options Options) *Spool {
	return &Spool{options: options, wake: make(chan struct{}, 1), stopped: make(chan struct{}), ended: make(chan struct{})}
}

// Start opens the file. It does not fail: a file that cannot be opened is told of, and tried again. Found takes, once, what an
// earlier process left behind, in order; before Start returns, unless the file can be opened only later.
func (s *Spool) Start(found func(sequence uint64, value []byte)) {
	s.found = found
	s.open()
	go s.work()
}

// Put puts an entry, and tells whether it is on disk, from another goroutine. The value must not change any more.
func (s *Spool) Put(sequence uint64, value []byte, done func(error)) {
	s.handedIn.Lock()
	closed := s.closed
	if !closed {
		s.puts = append(s.puts, put{entry{sequence, value}, done})
	}
	s.handedIn.Unlock()
	if closed {
		done(errClosed)
		return
	}
	s.awake()
}

// Remove takes entries out, some time soon.
func (s *Spool) Remove(sequences ...uint64) {
	s.handedIn.Lock()
	s.removals = append(s.removals, sequences...)
	s.handedIn.Unlock()
	s.awake()
}

func (s *Spool) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take takes what is to be committed next. Removals alone wait for puts, unless they are due.
func (s *Spool) take(due bool) (puts []put, removals []uint64) {
	s.handedIn.Lock()
	defer s.handedIn.Unlock()
	if len(s.puts) == 0 && !due {
		return nil, nil
	}
	some := min(len(s.puts), maxGroup)
	puts, s.puts = s.puts[:some:some], s.puts[some:]
	some = min(len(s.removals), maxGroup)
	removals, s.removals = s.removals[:some:some], s.removals[some:]
	return puts, removals
}

// Get gives the values of entries, nil for one that is not there.
func (s *Spool) Get(sequences []uint64) ([][]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return nil, ErrDown
	}
	if err := s.whole(); err != nil {
		return nil, err
	}
	values := make([][]byte, len(sequences))
	err := guarded(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			bucket := tx.Bucket(bucketName)
			for i, sequence := range sequences {
				stored := bucket.Get(keyOf(sequence))
				if stored == nil {
					continue
				}
				value, err := unsealed(stored)
				if err != nil {
					return err
				}
				values[i] = value
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	return values, nil
}

// Close commits what was handed in, and ends.
func (s *Spool) Close(ctx context.Context) error {
	close(s.stopped)
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the spool: %w", ctx.Err())
	}
}

// work commits what is handed in, as much at once as waits.
func (s *Spool) work() {
	defer s.end()
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
	fits, err := s.write(puts, removals)
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
	for i, one := range puts {
		switch {
		case err != nil:
			one.done(err)
		case i >= fits:
			one.done(ErrFull)
		default:
			one.done(nil)
		}
	}
	return err == nil
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
