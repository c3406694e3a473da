using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Security;

namespace OrleansStream.Rest.Access;

/// <summary>Make, list and revoke API keys.</summary>
internal sealed class KeyEndpoints(AccessAdministration administration)
{
    /// <summary>The tag of the operations in the API's description.</summary>
    internal const string Tag = "Access";

    private const string KeyExample = """{"id":"crawler-1","name":"crawler","role":"Data Receiver","created_at":"2026-06-11T18:00:00.000Z","expires_at":"2036-06-01T00:00:00.000Z"}""";

    private static readonly OperationParameter Key = new(
        "key", ParameterPlace.Path, $"The key's id: 1 to {AccessLimits.KeyIdLengthMax} characters of a-z, 0-9 and '-'.", "crawler-1");

    /// <summary>Make a key.</summary>
    public static readonly Operation Put = new(
        "createKey", Tag, "Make a key",
        "The answer holds the key, `os_{id}_{secret}`, and nobody can see it again: only a hash of it is kept. A program sends it in the header `Authorization: Bearer os_…`. "
        + "Rights are given to its name, of which two keys may be in use at a time: make `crawler-2`, give it to the program, and revoke `crawler-1`. "
        + "Keys are asked for once the service is started with `OrleansStream:Security:ApiKeys=true`.")
    {
        Right = OperationRight.OnCluster(AccessOperations.Admin),
        Parameters = [Key],
        IsBodyOptional = true,
        Bodies = [new(MediaTypes.Json, typeof(KeyRequest), """{"name":"crawler","role":"Data Receiver","expires_at":"2036-06-01T00:00:00.000Z"}""")],
        Answers =
        [
            new(StatusCodes.Status201Created, "The key.", new OperationBody(MediaTypes.Json, typeof(KeyAnswer), KeyExample[..^1] + ""","key":"os_crawler-1_…"}""")),
        ],
        Errors = [StreamErrorCode.KeyAlreadyExists, StreamErrorCode.PolicyViolation, StreamErrorCode.KafkaStorageError],
    };

    /// <summary>List keys.</summary>
    public static readonly Operation List = new("listKeys", Tag, "List keys", "All of them, by their ids, without what is secret of them.")
    {
        Right = OperationRight.OnCluster(AccessOperations.Admin),
        Answers = [new(StatusCodes.Status200OK, "The keys.", new OperationBody(MediaTypes.Json, typeof(KeyListAnswer), $$"""{"keys":[{{KeyExample}}]}"""))],
        Errors = [StreamErrorCode.KafkaStorageError],
    };

    /// <summary>Revoke a key.</summary>
    public static readonly Operation Delete = new(
        "revokeKey", Tag, "Revoke a key", "Every server refuses it within 10 seconds, also on connections that are open. Its rights stay, for the next key of its name.")
    {
        Right = OperationRight.OnCluster(AccessOperations.Admin),
        Parameters = [Key],
        Answers = [new(StatusCodes.Status204NoContent, "Revoked.")],
        Errors = [StreamErrorCode.ResourceNotFound, StreamErrorCode.KafkaStorageError],
    };

    public static void Map(IEndpointRouteBuilder routes)
    {
        var keys = routes.ServiceProvider.GetRequiredService<KeyEndpoints>();
        routes.MapOperation("PUT", "/access/keys/{key}", keys.PutAsync, Put);
        routes.MapOperation("GET", "/access/keys", keys.ListAsync, List);
        routes.MapOperation("DELETE", "/access/keys/{key}", keys.DeleteAsync, Delete);
    }

    private async Task PutAsync(HttpContext context)
    {
        var id = IdOf(context);
        NewKey request;
        using (var body = await RequestBody.ReadAsync(context, AccessRequestLimits.AccessBodyBytesMax))
            request = AccessJson.ParseKey(body.Json, id);
        var (key, secret) = await administration.CreateKeyAsync(context.Caller(), request, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status201Created;
        // No cache may keep the secret.
        context.Response.Headers.CacheControl = "no-store";
        await JsonAnswer.WriteAsync(context, AnswerOf(key) with { Key = secret.Reveal() }, ApiJsonContext.Api.KeyAnswer);
    }

    private async Task ListAsync(HttpContext context)
    {
        var keys = await administration.ListKeysAsync(context.Caller(), context.RequestAborted);
        await JsonAnswer.WriteAsync(context, new KeyListAnswer { Keys = [.. keys.Select(AnswerOf)] }, ApiJsonContext.Api.KeyListAnswer);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        await administration.RevokeKeyAsync(context.Caller(), IdOf(context), context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static string IdOf(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["key"]!;
        return AccessNames.ValidateKeyId(id) is { } error ? throw new RequestException(error) : id;
    }

    private static KeyAnswer AnswerOf(ApiKey key) => new()
    {
        Id = key.Id,
        Name = key.Name,
        Role = key.Role?.NameOf(),
        CreatedAt = key.CreatedAt,
        ExpiresAt = key.ExpiresAt,
        LastUsedAt = key.LastUsedAt,
    };
}
