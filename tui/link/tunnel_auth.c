/* The order of OpenSSH: the agent's keys, the files of keys with their
 * certificates, keyboard-interactive, password. A key whose public half lies
 * beside it is offered before its passphrase is asked for. */
#include "tui/link/tunnel_private.h"

#include "backend/wire/error.h"

#include <string.h>
#include <unistd.h>

enum { TRIES = 3, ROUNDS_MAX = 16 };

typedef enum {
    AUTH_NO,      /* not this way */
    AUTH_YES,     /* in */
    AUTH_PARTIAL, /* good, and more is wanted */
    AUTH_STOP,    /* cancelled or the session broke: no further way is tried */
} AuthResult;

typedef struct {
    Tunnel *tunnel;
    GString *tried;
    gboolean cancelled;
    /* For the passphrase that libssh asks for by a callback. */
    const char *file;
    gboolean asked;
} Auth;

static AuthResult verdict(Auth *auth, int result)
{
    switch (result) {
    case SSH_AUTH_SUCCESS:
        return AUTH_YES;
    case SSH_AUTH_PARTIAL:
        return AUTH_PARTIAL;
    case SSH_AUTH_DENIED:
        return AUTH_NO;
    default:
        return ssh_is_connected(auth->tunnel->session) && !tunnel_stopping(auth->tunnel)
                   ? AUTH_NO
                   : AUTH_STOP;
    }
}

static void note(Auth *auth, const char *what)
{
    g_string_append_printf(auth->tried, "%s%s", auth->tried->len ? ", " : "", what);
}

static char *title(const Auth *auth, const char *what)
{
    return g_strdup_printf("%s: %s for %s", auth->tunnel->target->name, what,
                           auth->tunnel->login);
}

/* ---- keys ---- */

/* libssh calls this when a key's file is encrypted. */
static int on_passphrase(const char *prompt, char *buffer, size_t size, int echo, int verify,
                         void *user)
{
    Auth *auth = user;
    g_autofree char *heading = title(auth, "passphrase of a key");
    Prompt *question = prompt_new(PROMPT_PASSPHRASE, heading, auth->file);
    prompt_add(question, "Passphrase", FALSE);
    char **answers = tunnel_ask(auth->tunnel, question);
    auth->asked = TRUE;
    /* An empty passphrase leaves this key aside, as in ssh. */
    gboolean given = answers && answers[0][0] && strlen(answers[0]) < size;
    auth->cancelled = !answers;
    if (given)
        g_strlcpy(buffer, answers[0], size);
    prompt_answers_free(answers);
    return given ? 0 : -1;
}

static ssh_key load_private(Auth *auth, const char *file)
{
    auth->file = file;
    for (int i = 0; i < TRIES && !auth->cancelled; i++) {
        ssh_key key = NULL;
        auth->asked = FALSE;
        if (ssh_pki_import_privkey_file(file, NULL, on_passphrase, auth, &key) == SSH_OK)
            return key;
        if (!auth->asked)
            break; /* no key, or broken: another passphrase would not help */
    }
    return NULL;
}

/* Offers a public key or certificate; AUTH_YES when the server would take it. */
static AuthResult offer(Auth *auth, ssh_key public)
{
    return verdict(auth, ssh_userauth_try_publickey(auth->tunnel->session, NULL, public));
}

static AuthResult sign_in(Auth *auth, ssh_key private)
{
    return verdict(auth, ssh_userauth_publickey(auth->tunnel->session, NULL, private));
}

/* A certificate with the private key of a file. */
static AuthResult try_certificate(Auth *auth, const char *certificate, const char *file)
{
    ssh_key public = NULL;
    if (access(certificate, R_OK) != 0 ||
        ssh_pki_import_cert_file(certificate, &public) != SSH_OK)
        return AUTH_NO;
    note(auth, certificate);
    AuthResult result = offer(auth, public);
    if (result == AUTH_YES) {
        ssh_key private = load_private(auth, file);
        result = auth->cancelled ? AUTH_STOP : AUTH_NO;
        if (private && ssh_pki_copy_cert_to_privkey(public, private) == SSH_OK)
            result = sign_in(auth, private);
        ssh_key_free(private);
    }
    ssh_key_free(public);
    return result;
}

static AuthResult try_file(Auth *auth, const char *file)
{
    if (access(file, R_OK) != 0)
        return AUTH_NO;
    note(auth, file);
    g_autofree char *public_file = g_strconcat(file, ".pub", NULL);
    ssh_key public = NULL;
    if (access(public_file, R_OK) == 0 &&
        ssh_pki_import_pubkey_file(public_file, &public) == SSH_OK) {
        AuthResult offered = offer(auth, public);
        ssh_key_free(public);
        if (offered != AUTH_YES)
            return offered;
    }
    ssh_key private = load_private(auth, file);
    if (!private)
        return auth->cancelled ? AUTH_STOP : AUTH_NO;
    AuthResult result = sign_in(auth, private);
    ssh_key_free(private);
    return result;
}

/* Its own certificate (FILE-cert.pub), those of CertificateFile, then the key. */
static AuthResult try_identity(Auth *auth, const char *file)
{
    const SshConfig *config = auth->tunnel->config;
    g_autofree char *own = g_strconcat(file, "-cert.pub", NULL);
    AuthResult result = access(file, R_OK) == 0 ? try_certificate(auth, own, file) : AUTH_NO;
    for (guint i = 0; i < config->certificates->len && result == AUTH_NO; i++)
        result = try_certificate(auth, g_ptr_array_index(config->certificates, i), file);
    return result == AUTH_NO ? try_file(auth, file) : result;
}

static AuthResult try_keys(Auth *auth)
{
    const SshConfig *config = auth->tunnel->config;
    AuthResult result = AUTH_NO;
    if (!config->identities_only) {
        note(auth, "SSH agent");
        result = verdict(auth, ssh_userauth_agent(auth->tunnel->session, NULL));
    }
    for (guint i = 0; i < config->identities->len && result == AUTH_NO; i++)
        result = try_identity(auth, g_ptr_array_index(config->identities, i));
    return result;
}

/* ---- questions ---- */

/* One round of the server's questions. AUTH_YES: answered. */
static AuthResult answer_questions(Auth *auth, gboolean again)
{
    ssh_session session = auth->tunnel->session;
    int count = ssh_userauth_kbdint_getnprompts(session);
    if (count <= 0)
        return AUTH_YES; /* a round without questions is answered with nothing */
    if (count > PROMPT_FIELDS_MAX)
        return AUTH_NO;
    g_autofree char *heading = title(auth, "questions");
    const char *name = ssh_userauth_kbdint_getname(session);
    const char *instruction = ssh_userauth_kbdint_getinstruction(session);
    g_autofree char *asked = g_strjoin(name && *name && instruction && *instruction ? "\n" : "",
                                       name ? name : "", instruction ? instruction : "", NULL);
    g_autofree char *text =
        again ? g_strconcat("That was not it; once more.", *asked ? "\n" : "", asked, NULL)
              : g_steal_pointer(&asked);
    Prompt *prompt = prompt_new(PROMPT_QUESTIONS, heading, text);
    for (int i = 0; i < count; i++) {
        char echo = 0;
        const char *label = ssh_userauth_kbdint_getprompt(session, (unsigned)i, &echo);
        prompt_add(prompt, label, echo != 0);
    }
    char **answers = tunnel_ask(auth->tunnel, prompt);
    auth->cancelled = !answers;
    for (int i = 0; answers && i < count; i++)
        (void)ssh_userauth_kbdint_setanswer(session, (unsigned)i, answers[i]);
    prompt_answers_free(answers);
    return auth->cancelled ? AUTH_STOP : AUTH_YES;
}

static AuthResult try_interactive(Auth *auth)
{
    ssh_session session = auth->tunnel->session;
    note(auth, "keyboard-interactive");
    for (int i = 0; i < TRIES; i++) {
        int result = ssh_userauth_kbdint(session, NULL, NULL);
        gboolean asked = FALSE;
        for (int round = 0; result == SSH_AUTH_INFO && round < ROUNDS_MAX; round++) {
            asked = asked || ssh_userauth_kbdint_getnprompts(session) > 0;
            AuthResult answered = answer_questions(auth, i > 0 && round == 0);
            if (answered != AUTH_YES)
                return answered;
            result = ssh_userauth_kbdint(session, NULL, NULL);
        }
        AuthResult end = verdict(auth, result);
        if (end != AUTH_NO || !asked)
            return end;
    }
    return AUTH_NO;
}

static AuthResult try_password(Auth *auth)
{
    note(auth, "password");
    for (int i = 0; i < TRIES; i++) {
        g_autofree char *heading = title(auth, "password");
        Prompt *prompt =
            prompt_new(PROMPT_PASSWORD, heading, i ? "That was not it; once more." : "");
        prompt_add(prompt, "Password", FALSE);
        char **answers = tunnel_ask(auth->tunnel, prompt);
        if (!answers) {
            auth->cancelled = TRUE;
            return AUTH_STOP;
        }
        int result = ssh_userauth_password(auth->tunnel->session, NULL, answers[0]);
        prompt_answers_free(answers);
        AuthResult end = verdict(auth, result);
        if (end != AUTH_NO)
            return end;
    }
    return AUTH_NO;
}

/* ---- all ways ---- */

static AuthResult try_methods(Auth *auth)
{
    ssh_session session = auth->tunnel->session;
    AuthResult result = verdict(auth, ssh_userauth_none(session, NULL));
    /* Each partial success changes what the server takes next. */
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (result == AUTH_YES || result == AUTH_STOP)
            return result;
        int methods = ssh_userauth_list(session, NULL);
        result = AUTH_NO;
        if (methods & SSH_AUTH_METHOD_PUBLICKEY)
            result = try_keys(auth);
        if (result == AUTH_NO && methods & SSH_AUTH_METHOD_INTERACTIVE)
            result = try_interactive(auth);
        if (result == AUTH_NO && methods & SSH_AUTH_METHOD_PASSWORD)
            result = try_password(auth);
        if (result == AUTH_NO)
            return result;
    }
    return AUTH_NO;
}

static char *accepted_methods(ssh_session session)
{
    int methods = ssh_userauth_list(session, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    if (methods & SSH_AUTH_METHOD_PUBLICKEY)
        g_ptr_array_add(names, (gpointer) "publickey");
    if (methods & SSH_AUTH_METHOD_INTERACTIVE)
        g_ptr_array_add(names, (gpointer) "keyboard-interactive");
    if (methods & SSH_AUTH_METHOD_PASSWORD)
        g_ptr_array_add(names, (gpointer) "password");
    if (methods & SSH_AUTH_METHOD_HOSTBASED)
        g_ptr_array_add(names, (gpointer) "hostbased");
    if (methods & SSH_AUTH_METHOD_GSSAPI_MIC)
        g_ptr_array_add(names, (gpointer) "gssapi-with-mic");
    g_ptr_array_add(names, NULL);
    return names->len > 1 ? g_strjoinv(", ", (char **)names->pdata) : g_strdup("nothing known");
}

gboolean tunnel_authenticate(Tunnel *tunnel, GError **error)
{
    Auth auth = {.tunnel = tunnel, .tried = g_string_new(NULL)};
    AuthResult result = try_methods(&auth);
    if (result == AUTH_YES) {
        g_string_free(auth.tried, TRUE);
        return TRUE;
    }
    const char *name = tunnel->target->name;
    g_autofree char *tried = g_string_free(auth.tried, FALSE);
    if (auth.cancelled) {
        wire_error_set(error, WIRE_ERROR_CANCELLED, "%s: signing in was cancelled", name);
    } else if (!ssh_is_connected(tunnel->session)) {
        wire_error_set(error, WIRE_ERROR_AUTH,
                       "%s closed the connection while %s signed in (tried: %s): %s", name,
                       tunnel->login, *tried ? tried : "nothing",
                       ssh_get_error(tunnel->session));
    } else {
        g_autofree char *accepted = accepted_methods(tunnel->session);
        wire_error_set(
            error, WIRE_ERROR_AUTH,
            "%s does not let %s in; tried: %s; the server takes: %s. Add your public "
            "key to ~%s/.ssh/authorized_keys there, load it with ssh-add, or name it "
            "with IdentityFile in ~/.ssh/config",
            name, tunnel->login, *tried ? tried : "nothing", accepted, tunnel->login);
    }
    return FALSE;
}
