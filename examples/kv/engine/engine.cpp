#include "engine.hpp"

namespace kv {

engine::engine(arena& data, arena& buffers, arena& records, hash_seed seed)
    : log{records}, db{data, seed}, channels{buffers}, patterns{buffers}, watched{buffers}, waiting{buffers},
      buffers_{buffers}, records_{records} {
    db.set_expiry_hook(
        [](void* self, text key) {
            auto& kv = *static_cast<engine*>(self);
            kv.touch(key, kv.db.hash(key));
            kv.log_request({"DEL", key});
        },
        this);
}

engine::~engine() {
    while (first_session_) detach(*first_session_);
}

void engine::attach(session& s) {
    s.id = ++last_id_;
    s.connected_at = s.active_at = db.now;
    s.out.set_limit(limit.output);
    s.previous = last_session_;
    (last_session_ ? last_session_->next : first_session_) = &s;
    last_session_ = &s;
    ++sessions_;
}

void engine::detach(session& s) {
    end_transaction(s);
    channels.clear(s.channels);
    patterns.clear(s.patterns);
    waiting.clear(s.waiting);
    (s.previous ? s.previous->next : first_session_) = s.next;
    (s.next ? s.next->previous : last_session_) = s.previous;
    --sessions_;
}

outcome engine::execute(session& who, arguments args) {
    if (args.empty()) return outcome::done;
    who.active_at = db.now;
    std::size_t before = who.out.size();
    call c{.kv = *this, .db = db, .who = who, .args = args, .out = {who.out, who.protocol}};
    if (refuse(c)) {
        if (!(c.cmd && c.cmd->is(command::in_transaction))) who.transaction_failed |= who.in_transaction;
        ++errors;
    } else if (who.in_transaction && !c.cmd->is(command::in_transaction)) {
        queue(c);
    } else {
        run(c);
        serve_waiting();
    }
    if (who.replies != session::replying::on) [[unlikely]] {
        who.out.truncate(before);
        if (who.replies == session::replying::skip_this) who.replies = session::replying::on;
        if (who.replies == session::replying::skip_next) who.replies = session::replying::skip_this;
    }
    return c.result;
}

// Looks the command up, and says what is wrong if it can't run.
bool engine::refuse(call& c) {
    arguments args = c.args;
    c.cmd = find_command(args[0]);
    if (!c.cmd) {
        c.out.begin_error();
        c.out.error_part("ERR unknown command '");
        c.out.error_part(slice(args[0], 0, 128));
        c.out.error_part("', with args beginning with: ");
        std::size_t shown = 0;
        for (text a : args.subspan(1)) {
            if (shown >= 128) break;
            text part = slice(a, 0, 128 - shown);
            for (text s : {text{"'"}, part, text{"' "}}) c.out.error_part(s);
            shown += part.size() + 3;
        }
        c.out.end_error();
        return true;
    }
    if (c.cmd->is(command::container) && args.size() > 1) {
        const command* sub = find_command(args[0], args[1]);
        if (!sub) {
            char upper[command::max_name];
            text name = c.cmd->full_name();
            for (std::size_t i = 0; i < name.size(); ++i) upper[i] = static_cast<char>(name[i] - 32);
            c.out.error_of("ERR unknown subcommand '", slice(args[1], 0, 128), "'. Try ",
                           text{upper, name.size()}, " HELP.");
            return true;
        }
        c.cmd = sub;
    }
    if (!c.cmd->arity_fits(args.size())) {
        c.arity();
        return true;
    }
    if (c.who.in_transaction && c.cmd->is(command::not_queued)) {
        c.out.error("ERR Command not allowed inside a transaction");
        return true;
    }
    bool writes = c.cmd->is(command::write) && log_wanted;
    // Under "always" nobody sees what a crash could take: so nothing is read either that is not on the disk.
    bool sees = c.cmd->is(command::readonly) && log_wanted && server.sync == sync_policy::always;
    if ((writes || sees) && !server.log_writable) {
        c.out.error_of("MISCONF Errors writing to the AOF file: ", server.log_error);
        return true;
    }
    if (writes) {
        // What can't be logged must not happen.
        std::size_t need = 0;
        for (text a : args) need += a.size() + 32;
        if (log.size() + need > records_.capacity() / 2 || !log.room(need)) {
            c.no_memory();
            return true;
        }
    }
    if (c.who.subscriptions() && c.who.protocol == 2 && !c.cmd->is(command::subscribed)) {
        c.out.error_of(
            "ERR Can't execute '", c.cmd->full_name(),
            "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context");
        return true;
    }
    if (server.loading && c.who.is_client() && !c.cmd->is(command::loading)) {
        c.out.error("LOADING Redis is loading the dataset in memory");
        return true;
    }
    return false;
}

void engine::queue(call& c) {
    session& s = c.who;
    append_request(s.queue, c.args);
    if (s.queue.failed() || s.queued == limit.queued_commands || s.queue.size() > limit.queued_bytes) {
        s.transaction_failed = true;
        s.queue.release();
        c.out.error("ERR Transaction is too large, see the limits on queued commands");
        return;
    }
    ++s.queued;
    c.out.simple("QUEUED");
}

void engine::run(call& c) {
    if (c.cmd->key_kind == kind::other || c.find(c.key, 1, c.cmd->key_kind)) c.cmd->run(c);
    c.who.last_command = c.cmd->full_name();
    ++commands_processed;
    if (c.out.failed()) ++errors;
    if (c.changed && !c.logged && log_wanted) append_request(log, c.args);
}

void engine::run_queued(call& c) {
    if (refuse(c))
        ++errors;
    else
        run(c);
}

void engine::end_transaction(session& s) {
    watched.clear(s.watched);
    s.queue.release();
    s.queued = 0;
    s.in_transaction = s.transaction_failed = s.watch_failed = false;
}

void engine::touch(text key, std::uint32_t hash) {
    if (watched.empty()) return;
    if (auto* t = watched.find(key, hash))
        for (auto* l = t->first; l; l = l->next) l->who->watch_failed = true;
}

void engine::list_grew(const place& p) {
    if (waiting.empty()) return;
    if (auto* t = waiting.find(p.key, p.hash)) waiting.mark_ready(*t);
}

// Gives elements to those who wait for them, the longest waiting first.
void engine::serve_waiting() {
    while (auto* topic = waiting.take_ready()) {
        for (std::uint32_t left = topic->count; left; --left) {
            place p = db.find(topic->name());
            if (!p || p->type != kind::list) break;
            session& s = *topic->first->who;
            auto& values = p.as<list>();
            reply out{s.out, s.protocol};
            out.array(2);
            out.bulk(p.key);
            out.bulk(values.peek(s.waiting_side));
            db.edit(p.at);
            values.pop(s.waiting_side);
            log_request({s.waiting_side == list::side::front ? "LPOP"sv : "RPOP"sv, p.key});
            touch(p.key, p.hash);
            if (!values.size()) db.remove(p);
            waiting.clear(s.waiting); // the topic goes with its last waiter
            if (s.wake) s.wake(s);
        }
    }
}

void engine::give_up_waiting(session& s) {
    waiting.clear(s.waiting);
    reply{s.out, s.protocol}.null_array();
}

void engine::kill(session& s) {
    s.killed = true;
    waiting.clear(s.waiting);
    if (s.wake) s.wake(s);
}

bool call::find(place& p, std::size_t i, kind wanted) {
    p = db.find(args[i]);
    if (cmd->is(command::readonly)) ++(p ? kv.key_hits : kv.key_misses);
    if (!p || p->type == wanted) return true;
    wrong_type();
    return false;
}

bool call::integer(std::size_t i, std::int64_t& v, text error) {
    auto parsed = parse_integer(args[i]);
    if (!parsed) {
        out.error(error);
        return false;
    }
    v = *parsed;
    return true;
}

bool call::count(std::size_t i, std::int64_t& v) {
    auto parsed = parse_integer(args[i]);
    bool good = parsed && *parsed >= 0;
    if (!good) out.error("ERR value is out of range, must be positive");
    v = parsed.value_or(0);
    return good;
}

void call::touch(text key, std::uint32_t hash) {
    changed = true;
    kv.touch(key, hash);
}

table* call::open_parts(place& p, kind type) {
    if (!p) return db.add<table>(p, type);
    db.edit(p.at);
    return &p.as<table>();
}

std::int64_t call::add_parts(place& p, kind type, arguments texts, std::size_t step) {
    segmented_array fresh{db.memory()};
    table* parts = db.make_nodes(texts, step, fresh) ? open_parts(p, type) : nullptr;
    bool complete = parts;
    std::int64_t added = 0;
    for (std::uint32_t i = 0; i < fresh.size(); ++i) {
        node* n = fresh[i];
        node* old = complete ? parts->find(n->key(), n->hash) : nullptr;
        if (old) {
            parts->replace(old, n);
            db.memory().deallocate(old);
        } else if (complete && parts->insert(n)) {
            ++added;
        } else { // only possible for the first
            db.memory().deallocate(n);
            complete = false;
        }
    }
    if (complete) return added;
    if (parts) drop_if_empty(p);
    return -1;
}

void call::drop_if_empty(place& p) {
    if (p->type == kind::list ? p.as<list>().size() == 0 : p.as<table>().size() == 0) db.remove(p);
}

void call::log_request(std::initializer_list<text> parts) {
    logged = true;
    kv.log_request(parts);
}

void call::arity() {
    if (cmd->full_name() == "exec") { // which ends its transaction anyhow
        kv.end_transaction(who);
        return out.error(
            "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command");
    }
    out.error_of("ERR wrong number of arguments for '", cmd->full_name(), "' command");
}

} // namespace kv
