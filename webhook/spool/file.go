package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	// fileName is the spool's file, in its directory.
	fileName = "spool.db"
	// damagedName is where a file goes that cannot be read as a whole. Only the last one is kept.
	damagedName = "spool.db.damaged"
	// lockPatience is how long to wait for another process to let go of the file.
	lockPatience = 2 * time.Second
	// checksumSize is how many bytes stand before each value.
	checksumSize = 4
	// overhead is what an entry costs in the file beside its value: its key, and its place in a page.
	overhead = 24
	// fillPercent is how full pages become: nothing is ever put in between.
	fillPercent = 0.95
	// reserveName is a file that is there to be deleted.
	reserveName = "spool.reserve"
	// reserveSize is as much as removing a group of entries takes.
	reserveSize = 1 << 20
)

var bucketName = []byte("entries")

var checksums = crc32.MakeTable(crc32.Castagnoli)

var (
	errDamaged = errors.New("the spool file is damaged")
	errInUse   = errors.New("the spool file is in use by another process; each replica needs a directory of its own")
)

// entry is what the spool keeps.
type entry struct {
	sequence uint64
	value    []byte
}

// openFile opens the spool's file, and gives what is in it, in order. A file that is damaged is set aside, and what can still
// be read goes into a new one; then damage says so.
func openFile(dir string) (db *bolt.DB, entries []entry, damage, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, nil, fmt.Errorf("make the spool directory: %w", err)
	}
	path := filepath.Join(dir, fileName)
	// Reading comes first: opening for writing scans the pages in goroutines of its own, where damage would end the process.
	entries, damage = readFile(path)
	if damage != nil && !errors.Is(damage, errDamaged) {
		return nil, nil, nil, damage
	}
	if damage != nil {
		if err := os.Rename(path, filepath.Join(dir, damagedName)); err != nil {
			return nil, nil, nil, fmt.Errorf("set the damaged spool file aside: %w", err)
		}
	}
	db, err = bolt.Open(path, 0o600, &bolt.Options{
		Timeout: lockPatience, NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
	})
	if err != nil {
		return nil, nil, nil, explain(err)
	}
	if err := fill(db, entries); err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("write the spool file: %w", err), db.Close())
	}
	return db, entries, damage, nil
}

// fill makes a new file the spool's, with these entries in it. One that is there already is left as it is: its disk may be full.
func fill(db *bolt.DB, entries []entry) error {
	isNew := false
	err := db.View(func(tx *bolt.Tx) error {
		isNew = tx.Bucket(bucketName) == nil
		return nil
	})
	if err != nil || !isNew {
		return err
	}
	return db.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucket(bucketName)
		if err != nil {
			return err
		}
		for _, one := range entries {
			if err := bucket.Put(keyOf(one.sequence), sealed(one.value)); err != nil {
				return err
			}
		}
		return nil
	})
}

// keepReserve takes some of the disk, to be given back when it is full: to remove entries takes room too.
func keepReserve(dir string) {
	path := filepath.Join(dir, reserveName)
	if info, err := os.Stat(path); err == nil && info.Size() == reserveSize {
		return
	}
	if os.WriteFile(path, make([]byte, reserveSize), 0o600) != nil {
		giveReserve(dir)
	}
}

func giveReserve(dir string) {
	// There may be none.
	_ = os.Remove(filepath.Join(dir, reserveName))
}

// readFile reads all entries. Of a damaged file, it gives those before the damage.
func readFile(path string) (entries []entry, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && info.Size() == 0:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look for the spool file: %w", err)
	}
	var db *bolt.DB
	err = guarded(func() (err error) {
		if db, err = bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: lockPatience}); err != nil {
			return explain(err)
		}
		return db.View(func(tx *bolt.Tx) error {
			entries, err = readAll(tx)
			return err
		})
	})
	if db != nil {
		err = errors.Join(err, guarded(db.Close))
	}
	return entries, err
}

func readAll(tx *bolt.Tx) (entries []entry, err error) {
	bucket := tx.Bucket(bucketName)
	if bucket == nil {
		return nil, nil
	}
	last := uint64(0)
	cursor := bucket.Cursor()
	// Named results: a fault in the middle leaves what was read before it.
	defer func() { err = errors.Join(err, faultOf(recover())) }()
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		if len(key) != 8 || (last > 0 && binary.BigEndian.Uint64(key) <= last) {
			return entries, errDamaged
		}
		opened, err := unsealed(value)
		if err != nil {
			return entries, err
		}
		last = binary.BigEndian.Uint64(key)
		entries = append(entries, entry{last, opened})
	}
	return entries, nil
}

// guarded runs what touches the file's pages: they are mapped into memory, and one that is not there, or makes no sense, would
// end the process.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { err = errors.Join(err, faultOf(recover())) }()
	return f()
}

func faultOf(fault any) error {
	if fault == nil {
		return nil
	}
	return fmt.Errorf("%w: %v", errDamaged, fault)
}

// explain tells what is wrong with the file from what is wrong around it.
func explain(err error) error {
	var around syscall.Errno
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return errInUse
	case errors.As(err, &around):
		return fmt.Errorf("open the spool file: %w", err)
	default:
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
}

// keyOf makes the order of keys that of sequences.
func keyOf(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

// sealed is a value with its checksum: bbolt has none.
func sealed(value []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, len(value)+checksumSize), crc32.Checksum(value, checksums)), value...)
}

// unsealed is a copy of a value whose checksum fits.
func unsealed(stored []byte) ([]byte, error) {
	if len(stored) < checksumSize || binary.BigEndian.Uint32(stored) != crc32.Checksum(stored[checksumSize:], checksums) {
		return nil, errDamaged
	}
	return append([]byte(nil), stored[checksumSize:]...), nil
}
