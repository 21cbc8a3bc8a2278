// Default deny: the viewer-request Function of the default behaviour. Only the paths of the allow-list pass, spelt
// exactly so: an encoded, dotted, doubled or differently cased spelling equals none of them. The paths are written
// in at deployment, and what passes goes on under the list's own spelling.
var ALLOWED = new Set(/* ALLOWED_PATHS */);
var METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS']);

function handler(event) {
    var request = event.request;
    if (ALLOWED.has(request.uri) && METHODS.has(request.method)) {
        return request;
    }
    return {
        statusCode: 403,
        statusDescription: 'Forbidden',
        headers: { 'content-type': { value: 'application/json' }, 'cache-control': { value: 'no-store' } },
        body: '{"error": {"message": "This path is not open at the gateway\'s public address.", '
            + '"type": "permission_error", "param": null, "code": "403"}}'
    };
}
