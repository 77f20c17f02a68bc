//go:build duckdb

package main

import (
	"fmt"

	_ "github.com/duckdb/duckdb-go/v2" // the driver "duckdb"

	"github.com/dagscope/dagscope/metricsstore"
)

func init() {
	others = append(others, peer{"duckdb", func(m metricsstore.Metric) string {
		return fmt.Sprintf("SELECT function, count(*), quantile_cont(%[1]s, 0.5), quantile_cont(%[1]s, 0.9), quantile_cont(%[1]s, 0.99)"+
			" FROM attempts WHERE started >= ? AND started < ? GROUP BY function", m)
	}})
}
