package dbtcloud

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// JobSchedule says when a scheduled job runs.
type JobSchedule struct {
	Cron string          `json:"cron,omitempty"`
	Date JobScheduleDate `json:"date"`
	Time JobScheduleTime `json:"time"`
}

// JobScheduleDate is the day part of a schedule. Type is every_day, days_of_week,
// custom_cron or interval_cron.
type JobScheduleDate struct {
	Type string `json:"type"`
	Days []int  `json:"days,omitempty"` // 0 is Sunday
	Cron string `json:"cron,omitempty"`
}

// JobScheduleTime is the hour part of a schedule. Type is every_hour, with
// Interval, or at_exact_hours, with Hours; never both.
type JobScheduleTime struct {
	Type     string `json:"type"`
	Interval int    `json:"interval,omitempty"` // hours
	Hours    []int  `json:"hours,omitempty"`    // UTC
}

// DailyAt is a schedule for every day at full hours, UTC, from 0 to 23.
func DailyAt(hours ...int) *JobSchedule {
	return &JobSchedule{Date: JobScheduleDate{Type: "every_day"}, Time: JobScheduleTime{Type: "at_exact_hours", Hours: hours}}
}

// EveryHours is a schedule for every day, every n hours, from 1 to 23.
func EveryHours(n int) *JobSchedule {
	return &JobSchedule{Date: JobScheduleDate{Type: "every_day"}, Time: JobScheduleTime{Type: "every_hour", Interval: n}}
}

// CronSchedule is a schedule from a cron expression of five fields, UTC, such as
// "15 6 * * 1-5".
func CronSchedule(expression string) *JobSchedule {
	s := EveryHours(1) // the write schema insists on a time, which a cron expression overrules
	s.Date = JobScheduleDate{Type: "custom_cron", Cron: expression}
	return s
}

// On is a schedule for the same hours on some days of the week only. A cron expression,
// which has days and hours of its own, is given up for every hour.
func (s *JobSchedule) On(days ...time.Weekday) *JobSchedule {
	on := *s
	on.Date = JobScheduleDate{Type: "days_of_week"}
	for _, day := range days {
		on.Date.Days = append(on.Date.Days, int(day))
	}
	return &on
}

// problems are what cannot be right in a schedule. A type that is not known is left
// to the service.
func (s *JobSchedule) problems() []error {
	if s == nil {
		return nil
	}
	var problems []error
	check := func(ok bool, field, want string) {
		if !ok {
			problems = append(problems, fmt.Errorf("schedule.%s: %s", field, want))
		}
	}
	within := func(list []int, limit int) bool {
		return !slices.ContainsFunc(list, func(n int) bool { return n < 0 || n >= limit })
	}
	check(s.Date.Type != "", "date.type", "is required, such as every_day")
	check(s.Date.Type != "days_of_week" || len(s.Date.Days) > 0, "date.days", "is required with days_of_week")
	check(within(s.Date.Days, 7), "date.days", "must be between 0 (Sunday) and 6")
	check(s.Date.Type != "custom_cron" || len(strings.Fields(s.Date.Cron)) == 5, "date.cron", "must have five fields")
	check(s.Time.Type != "", "time.type", "is required, such as every_hour")
	check(s.Time.Type != "every_hour" || s.Time.Interval >= 1 && s.Time.Interval <= 23, "time.interval", "must be between 1 and 23 hours")
	check(s.Time.Type != "every_hour" || s.Time.Hours == nil, "time.hours", "must not be there with every_hour")
	check(s.Time.Type != "at_exact_hours" || len(s.Time.Hours) > 0, "time.hours", "is required with at_exact_hours")
	check(s.Time.Type != "at_exact_hours" || s.Time.Interval == 0, "time.interval", "must not be there with at_exact_hours")
	check(within(s.Time.Hours, 24), "time.hours", "must be between 0 and 23")
	return problems
}
