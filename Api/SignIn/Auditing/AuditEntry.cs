using System.Text.Json.Serialization;

namespace OrleansStream.SignIn.Auditing;

/// <summary>A line of the audit.</summary>
/// <param name="At">When the call was made.</param>
/// <param name="Principal">Who made the call.</param>
/// <param name="Address">The caller's address; null when it is not known.</param>
/// <param name="ClientId">What the client calls itself; anybody can say anything here.</param>
/// <param name="What">The call: the operation id of REST, or Kafka's name of the API.</param>
/// <param name="Right">The right that it needs.</param>
/// <param name="Resource">What the operation was on.</param>
/// <param name="Outcome">What came of it: <c>done</c>, <c>refused</c>, <c>failed</c>, or <c>unknown</c> when no answer came.</param>
/// <param name="Error">Kafka's name of the error with which it was refused or failed; null without one.</param>
internal sealed record AuditEntry(
    DateTimeOffset At, string Principal, string? Address, string? ClientId, string What, string Right, string Resource, string Outcome, string? Error)
{
    /// <summary>How many lines before it are in the log alone, since the topic could not be written.</summary>
    public long? DroppedBefore { get; init; }
}

/// <summary>Writes lines of the audit.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AuditEntry))]
internal sealed partial class AuditJsonContext : JsonSerializerContext;
