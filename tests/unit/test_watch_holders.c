// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Holders of open files whose numbers no longer name them: what is found again, what helpers that hang hide, what a
 * successor is left. */
#include <sys/syscall.h>

#include "lost_fixture.h"
#include "process/foreign_private.h"
#include "process/same_file.h"
#include "skip.h"

TestSuite(watch_holders, .init = begin, .fini = end, .timeout = 60);

/* ---- found again ---- */

/* It has no place in the class of uverbs devices, as the node of a device that is being removed. */
Test(watch_holders, borrows_file_whose_node_left_sysfs)
{
	cr_expect_eq(borrow(), 0);
	cr_expect(watch_is_held(ufile));
}

Test(watch_holders, finds_file_under_another_number)
{
	program_does('m');
	cr_expect_eq(borrow(), 0);
	cr_expect_eq(ufile->holders->number, OTHER_NUMBER);
	cr_expect_not(ufile->holders->lost);
}

Test(watch_holders, finds_file_in_table_of_thread)
{
	program_does('t');
	if (syscall(SYS_pidfd_open, getpid(), O_EXCL) < 0)
		return; /* before kernel 6.9 */
	cr_expect_eq(borrow(), 0);
	cr_expect_eq(ufile->holders->number, NUMBER);
	cr_expect_neq(ufile->holders->thread, 0);
}

Test(watch_holders, finds_file_of_request_in_table_of_thread)
{
	struct process process;
	pid_t thread = 0;
	int fd;

	cr_assert_eq(borrow(), 0);
	cr_assert_eq(process_open(program.pid, &process), 0);
	cr_assert_eq(process_fetch_fd(&process, NUMBER, &fd), 0);
	cr_expect_eq(process_find_thread_with(&process, NUMBER, fd, &thread), -EBADF);
	program_does('t');
	cr_expect_eq(process_find_thread_with(&process, NUMBER, fd, &thread), 0);
	cr_expect_neq(thread, 0);
	cr_expect_eq(process_find_thread_with(&process, OTHER_NUMBER, fd, &thread), -EBADF);
	close(fd);
	process_close(&process);
}

static bool is_thread_visited(void *context, const struct process *process, pid_t thread, int number)
{
	unsigned *visited = context;

	(void)process;
	*visited += thread && number >= 0;
	return !thread;
}

static int is_not_found(void *context, const struct process *process, pid_t thread, int number, int fd, dev_t rdev)
{
	(void)context, (void)process, (void)thread, (void)number, (void)fd, (void)rdev;
	return -EEXIST;
}

/* Its time may be over, and it may have thousands of them. */
Test(watch_holders, search_leaves_out_table_of_thread)
{
	unsigned visited = 0;
	const struct process_search search = { .visits = is_thread_visited,
					       .found = is_not_found,
					       .context = &visited };
	struct process process;

	program_does('t');
	cr_assert_eq(process_open(program.pid, &process), 0);
	cr_expect_eq(process_search_fds(&search, &process), 0);
	cr_expect_eq(visited, 0);
	process_close(&process);
}

static bool has_been_found(void)
{
	const struct watch_holder *holder;

	DL_FOREACH (ufile->holders, holder)
		if (holder->client->process.pid == program.pid)
			return true;
	return false;
}

/* One process made the queue pair and closed the file; another, which nothing guards, has it from there. */
static void another_process_has_it(void)
{
	watch_client_free(ufile->holders->client);
	watch_holder_lose(hold(getpid(), NUMBER));
	listed.qps[0].pid = (uint32_t)getpid();
	the_qp()->request.kind = REQUEST_QP_ADDRESS;
	the_qp()->request.has |= UVERBS_HAS_DEST_QPN;
	cr_assert_eq(foreign_start("/sys", &watch->foreign), 0);
	cr_assert_eq(borrow(), -ENOENT);
	watch->search_ms = INT64_MAX; /* only the scan of all processes finds it */
	/* a scan ends when its time is over, which a busy host makes short */
	for (int i = 0; i < 100 && !has_been_found(); i++)
		watch_adopt(watch);
	cr_assert(has_been_found());
}

static void helpers_end(void)
{
	foreign_stop(watch->foreign);
	watch->foreign = NULL;
}

Test(watch_holders, finds_file_in_unguarded_process)
{
	another_process_has_it();
	cr_assert(watch_is_held(ufile));
	cr_expect_eq(ufile->holders->client->process.pid, program.pid);
	cr_expect_eq(borrow(), 0);
	helpers_end();
}

/* A supervisor has the file for the moment of a call only. */
Test(watch_holders, finds_file_at_second_search_in_process_with_name_of_supervisor)
{
	program_does('n');
	another_process_has_it();
	cr_expect_not(watch_is_held(ufile));
	watch->search_ms = 0;
	cr_expect_eq(borrow(), 0);
	cr_assert(watch_is_held(ufile));
	cr_expect_eq(ufile->holders->client->process.pid, program.pid);
	helpers_end();
}

Test(watch_holders, process_with_name_of_supervisor_that_had_file_once_is_not_ended)
{
	struct why why;

	program_does('n');
	another_process_has_it();
	program_does('c');
	watch->search_ms = 0;
	cr_expect_eq(borrow(), -ENOENT);
	watch_holder_free(ufile->holders->prev); /* that of the process that made it */
	cr_assert(ufile->holders && ufile->holders->client->process.pid == program.pid);
	cr_expect(watch_end_owner(ufile, &the_qp()->request, &why));
	cr_expect_eq(why.reason, REASON_PROCESS_NOT_KNOWN);
	cr_expect_eq(program_end(), -1);
	helpers_end();
}

/* ---- another file under the known number ---- */

Test(watch_holders, reused_number_of_fd_does_not_end_holder)
{
	program_does('r');
	cr_expect_eq(borrow(), -ENOENT);
	cr_assert(ufile->holders && ufile->holders->lost);
	the_qp();
}

static void another_file_takes_number(void)
{
	program_does('m');
	program_does('o');
	cr_assert_eq(borrow(), 0, "it cannot be told apart by its number");
	lists_nothing = true;
}

Test(watch_holders, empty_file_under_same_number_is_another_file)
{
	another_file_takes_number();
	cr_expect(watch_is_other_file(ufile, NUMBER, RDMA_DRIVER_RXE));
	the_qp();
}

Test(watch_holders, empty_file_is_the_same_when_kernel_destroyed_its_qps)
{
	another_file_takes_number();
	listed.count = 0;
	cr_expect_not(watch_is_other_file(ufile, NUMBER, RDMA_DRIVER_RXE));
	cr_expect_null(ufile->qps);
}

/* A door asks about the file under NUMBER. */
static struct watch_ufile *asked(void)
{
	struct foreign_file file;
	struct watch_ufile *found = NULL;
	struct process process;

	cr_assert_eq(process_open(program.pid, &process), 0);
	cr_assert_eq(foreign_take_of(NULL, &process, 0, NUMBER, ufile->rdev, &file), 0);
	cr_expect_eq(watch_ufile_get(watch, &process, NUMBER, &file, &found), 0);
	close(file.fd);
	process_close(&process);
	return found;
}

/* A program that makes and destroys queue pairs on one file: nothing is searched, and its namespace is not asked for.
 */
Test(watch_holders, file_whose_qps_were_destroyed_is_the_known_one)
{
	another_file_takes_number();
	listed.count = 0;
	cr_expect_eq(asked(), ufile);
	cr_expect_null(ufile->qps);
	cr_expect(watch_is_held(ufile));
}

Test(watch_holders, file_without_qps_that_live_is_another_one)
{
	another_file_takes_number();
	cr_expect_neq(asked(), ufile);
	the_qp();
	cr_expect_not(watch_is_held(ufile));
}

Test(watch_holders, file_without_qps_is_another_one_when_kernel_lists_one_again)
{
	another_file_takes_number();
	listed.complete_from = 2;
	cr_expect_neq(asked(), ufile);
	the_qp();
}

Test(watch_holders, file_without_qps_is_another_one_in_another_namespace)
{
	const struct process *client = &ufile->holders->client->process;
	struct foreign_file file;
	struct watch_ufile *found = NULL;
	struct process elsewhere;

	another_file_takes_number();
	listed.count = 0;
	cr_assert_eq(process_copy(client, &elsewhere), 0);
	cr_assert_eq(foreign_take_of(NULL, &elsewhere, 0, NUMBER, ufile->rdev, &file), 0);
	elsewhere.netns_ino++;
	cr_expect_eq(watch_ufile_get(watch, &elsewhere, NUMBER, &file, &found), 0);
	cr_expect_neq(found, ufile);
	close(file.fd);
	process_close(&elsewhere);
}

Test(watch_holders, file_is_found_again_after_another_took_its_number)
{
	another_file_takes_number();
	watch_take_back(ufile);
	lists_nothing = false;
	watch->search_ms = 0;
	cr_expect_eq(borrow(), 0);
	cr_expect(watch_is_held(ufile));
}

/* ---- helpers that hang ---- */

static void helper_hangs_for(uint64_t account)
{
	struct foreign_helper *helper = foreign_helper_find(watch->foreign, FOREIGN_NONE);

	cr_assert(helper);
	helper->role = FOREIGN_STUCK;
	helper->account = account;
	helper->until_ms = INT64_MAX;
}

static void helper_has_hung(void)
{
	cr_expect_eq(borrow(), -EBUSY);
	watch_settle_lost(watch);
	cr_expect_eq(records, 0, "it may return");
	ufile->reach.since_ms -= LOST_HANGS_MS;
	watch_settle_lost(watch);
	cr_expect(watch_is_held(ufile));
	the_qp();
	foreign_stop(watch->foreign);
	watch->foreign = NULL;
}

/* Else a program could hide its queue pairs behind another file of its own. */
Test(watch_holders, process_whose_account_stops_helpers_is_ended)
{
	cr_assert_eq(foreign_start("/sys", &watch->foreign), 0);
	helper_hangs_for(ufile->holders->client->process.account);
	helper_has_hung();
	cr_expect_eq(records, 1);
	cr_expect_eq(last.event, WIRE_EVENT_NOT_REVOKED);
	cr_expect_eq(program_end(), SIGKILL);
}

Test(watch_holders, process_goes_on_when_others_use_up_the_helpers)
{
	cr_assert_eq(foreign_start("/sys", &watch->foreign), 0);
	foreign_helper_end(foreign_helper_find(watch->foreign, FOREIGN_TAKER));
	while (foreign_helper_find(watch->foreign, FOREIGN_NONE))
		helper_hangs_for(ufile->holders->client->process.account + 1);
	helper_has_hung();
	cr_expect_eq(records, 0);
	cr_expect_eq(program_end(), -1);
}

/* ---- a successor ---- */

/* The file of kept processes, empty; `path` becomes its name. */
static struct kept *keep_in(char *path)
{
	struct kept *kept;
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && !close(fd));
	cr_assert_eq(kept_open(path, &kept), 0);
	watch_keep(watch, kept);
	return kept;
}

static void end_keeping(struct kept *kept, const char *path)
{
	watch_end();
	watch = NULL;
	kept_close(kept);
	unlink(path);
}

/* A helper hangs for the account of the process: whether it lives is not known. */
Test(watch_holders, process_that_cannot_be_looked_at_stays_kept)
{
	char path[] = "/tmp/test_watch_lost.XXXXXX";
	struct kept *kept = keep_in(path);
	struct process process;

	cr_assert_eq(process_open(program.pid, &process), 0);
	kept_add(kept, process.pid, process.start_time);
	cr_assert_eq(foreign_start("/sys", &watch->foreign), 0);
	helper_hangs_for(process.account);
	watch_adopt(watch);
	cr_expect(kept_has(kept, process.pid, process.start_time));
	foreign_stop(watch->foreign);
	watch->foreign = NULL;
	process_close(&process);
	end_keeping(kept, path);
}

/* It was guarded by the last daemon, and nothing else shows that it is. */
Test(watch_holders, holder_is_kept_for_successor)
{
	char path[] = "/tmp/test_watch_lost.XXXXXX";
	struct kept *kept = keep_in(path);
	struct process process;

	watch_client_free(ufile->holders->client);
	hold(program.pid, NUMBER);
	cr_assert_eq(process_open(program.pid, &process), 0);
	cr_expect(kept_has(kept, program.pid, process.start_time));
	watch_adopt(watch);
	cr_expect(kept_has(kept, program.pid, process.start_time), "it lives");
	kill(program.pid, SIGKILL);
	waitpid(program.pid, NULL, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	cr_expect_not(kept_has(kept, program.pid, process.start_time), "it has ended");
	process_close(&process);
	end_keeping(kept, path);
}
