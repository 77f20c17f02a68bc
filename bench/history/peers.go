package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// peer is a database that keeps a row for each attempt.
type peer struct {
	driver string
	query  func(m metricsstore.Metric) string // function, number of values, quantiles
}

// others are the peers that a build tag brings.
var others []peer

func peers() []peer { return append([]peer{{"sqlite", quantilesByRank}}, others...) }

func (p peer) in(folder string) answerer { return database{p, filepath.Join(folder, p.driver+".db")} }

// database is a peer with its file.
type database struct {
	peer
	file string
}

func (d database) name() string { return d.driver }

func (d database) use(f func(*sql.DB) error) error {
	if err := os.MkdirAll(filepath.Dir(d.file), 0o700); err != nil {
		return err
	}
	db, err := sql.Open(d.driver, d.file)
	if err != nil {
		return err
	}
	return errors.Join(f(db), db.Close())
}

// rowsPerInsert is how many rows one statement inserts.
const rowsPerInsert = 500

func (d database) keep(ctx context.Context, h history) error {
	columns := make([]string, len(metrics))
	for i, m := range metrics {
		columns[i] = string(m) + " BIGINT"
	}
	return d.use(func(db *sql.DB) error {
		if _, err := db.ExecContext(ctx, "CREATE TABLE attempts (started BIGINT, function TEXT, "+strings.Join(columns, ", ")+")"); err != nil {
			return err
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		put := func(rows []any) error {
			_, err := tx.ExecContext(ctx, insertOf(len(rows)/width), rows...)
			return err
		}
		var waiting []any
		err = h.each(func(t *record.TaskMetrics) (err error) {
			waiting = append(waiting, t.StartedAt.UnixNano(), t.Task.Function)
			for _, m := range metrics {
				v, _ := m.Of(t)
				waiting = append(waiting, v)
			}
			if len(waiting) == rowsPerInsert*width {
				err = put(waiting)
				waiting = waiting[:0]
			}
			return err
		})
		if err == nil && len(waiting) > 0 {
			err = put(waiting)
		}
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		_, err = db.ExecContext(ctx, "CREATE INDEX by_start ON attempts (started)")
		return err
	})
}

// width is how many columns a row has.
var width = 2 + len(metrics)

func insertOf(rows int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", width), ",") + "),"
	return "INSERT INTO attempts VALUES " + strings.TrimSuffix(strings.Repeat(row, rows), ",")
}

func (d database) ask(ctx context.Context) (_ answer, took time.Duration, err error) {
	out := answer{}
	err = d.use(func(db *sql.DB) error {
		if err := db.PingContext(ctx); err != nil { // opens the file
			return err
		}
		began := time.Now()
		for _, m := range metrics {
			if err := d.askOne(ctx, db, m, out); err != nil {
				return err
			}
		}
		took = time.Since(began)
		return nil
	})
	return out, took, err
}

func (d database) askOne(ctx context.Context, db *sql.DB, m metricsstore.Metric, out answer) error {
	rows, err := db.QueryContext(ctx, d.query(m), begin.UnixNano(), begin.AddDate(0, 0, days).UnixNano())
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err has what went wrong
	for rows.Next() {
		var function string
		var n int64
		values := make([]float64, len(quantiles))
		if err := rows.Scan(&function, &n, &values[0], &values[1], &values[2]); err != nil {
			return err
		}
		out[cell{function, m}] = figures{n, values}
	}
	return rows.Err()
}

// quantilesByRank is the question in plain SQL: type 7 quantiles between the two values around a rank, which a sum of hat
// functions of the distance from it picks.
func quantilesByRank(m metricsstore.Metric) string {
	var q strings.Builder
	fmt.Fprintf(&q, "SELECT function, max(n)")
	for _, share := range quantiles {
		fmt.Fprintf(&q, ", sum(v * max(0.0, 1 - abs(i - %v * (n - 1))))", share)
	}
	fmt.Fprintf(&q, " FROM (SELECT function, %s AS v, row_number() OVER (PARTITION BY function ORDER BY %s) - 1 AS i,"+
		" count(*) OVER (PARTITION BY function) AS n FROM attempts WHERE started >= ? AND started < ?) GROUP BY function", m, m)
	return q.String()
}
