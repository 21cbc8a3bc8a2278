// Answers 403 to everything: the viewer-request Function of /user/*, /key/*, /model/* and /spend/*.
// No request of those behaviours reaches the origin, whatever the allow-list says.
function handler(event) {
    return {
        statusCode: 403,
        statusDescription: 'Forbidden',
        headers: { 'content-type': { value: 'application/json' }, 'cache-control': { value: 'no-store' } },
        body: '{"error": {"message": "Users, keys, models and spend are not administered at this address. '
            + 'Use the admin door or scripts/litellm-users.sh.", "type": "permission_error", "param": null, "code": "403"}}'
    };
}
