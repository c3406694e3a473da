using System.Text.Json;
using OrleansStream.Contracts;
using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Security;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Produce;

/// <summary>Gives clients producer ids and epochs.</summary>
internal sealed class ProducerEndpoints(ClientProducers producers)
{
    public static void Map(IEndpointRouteBuilder routes) => routes.MapOperation(
        "POST", "/producers", routes.ServiceProvider.GetRequiredService<ProducerEndpoints>().PostAsync, ProduceOperations.Producer);

    private async Task PostAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, ProduceLimits.ProducerBodyBytesMax);
        var hasKey = context.Request.Headers.TryGetValue(IdentityHeaders.IdempotencyKey, out var given);
        var key = hasKey ? ProducerHeaders.ReadKey(given) : null;
        var answer = Parse(body.Json.Span) is { } known ? await RaiseAsync(context.Caller(), known, key)
            : key is null ? await AddAsync(context.Caller())
            : throw RequestException.Malformed(
                IdentityHeaders.IdempotencyKey, $"'{IdentityHeaders.IdempotencyKey}' goes with the next epoch of a producer. Where the answer to a new one is lost, take another.");
        context.Response.StatusCode = StatusCodes.Status201Created;
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.ProducerAnswer);
    }

    private async Task<ProducerAnswer> AddAsync(Caller caller) => new() { ProducerId = await producers.AddAsync(caller), ProducerEpoch = 0 };

    private async Task<ProducerAnswer> RaiseAsync(Caller caller, ProducerAnswer known, string? key) =>
        known with { ProducerEpoch = await producers.RaiseEpochAsync(caller, known.ProducerId, known.ProducerEpoch, key) };

    /// <summary>Parses the producer whose next epoch is asked for.</summary>
    /// <param name="body">The body; empty for a new producer.</param>
    /// <returns>Null for a new producer.</returns>
    /// <exception cref="RequestException">The body is malformed.</exception>
    internal static ProducerAnswer? Parse(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty)
            return null;
        JsonInput.Check(body);
        long? id = null;
        long? epoch = null;
        var seen = 0;
        try
        {
            var reader = new Utf8JsonReader(body);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw JsonFields.WrongKind("body", reader.TokenType, "an object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                if (name is not ("producer_id" or "producer_epoch"))
                    throw JsonFields.Unknown(name, "producer_id, producer_epoch");
                if (!JsonFields.See(ref seen, name == "producer_id" ? 1 : 2))
                    throw JsonFields.Twice(name);
                if (name == "producer_id")
                    id = Number(ref reader, name, long.MaxValue);
                else
                    epoch = Number(ref reader, name, short.MaxValue);
            }

            if (reader.Read())
                throw RequestException.Malformed(null, "The body goes on behind its JSON object.");
        }
        catch (JsonException exception)
        {
            throw JsonFields.NotJson(null, exception);
        }

        if (id.HasValue != epoch.HasValue)
            throw RequestException.Malformed(id.HasValue ? "producer_epoch" : "producer_id", "'producer_id' and 'producer_epoch' go together.");
        return id is { } given ? new ProducerAnswer { ProducerId = given, ProducerEpoch = (short)epoch!.Value } : null;
    }

    private static long? Number(ref Utf8JsonReader reader, string name, long max)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return null;
        if (reader.TokenType != JsonTokenType.Number)
            throw JsonFields.WrongKind(name, reader.TokenType, $"an integer from 0 to {max}");
        return reader.TryGetInt64(out var value) && value >= 0 && value <= max
            ? value
            : throw RequestException.Malformed(name, $"'{name}' must be an integer from 0 to {max}.");
    }
}
