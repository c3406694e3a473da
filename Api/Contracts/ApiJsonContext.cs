using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrleansStream.Contracts;

/// <summary>Source-generated (de)serialisation of everything that is not on a record's way.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(ProduceRequest))]
[JsonSerializable(typeof(ProduceAnswer))]
[JsonSerializable(typeof(ProducerAnswer))]
[JsonSerializable(typeof(FetchAnswer))]
[JsonSerializable(typeof(TopicRequest))]
[JsonSerializable(typeof(TopicPatch))]
[JsonSerializable(typeof(TopicAnswer))]
[JsonSerializable(typeof(TopicListAnswer))]
[JsonSerializable(typeof(PartitionListAnswer))]
[JsonSerializable(typeof(DeleteRecordsAnswer))]
[JsonSerializable(typeof(TopicLoadAnswer))]
[JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(ClusterAnswer))]
[JsonSerializable(typeof(PollRequest))]
[JsonSerializable(typeof(PollAnswer))]
[JsonSerializable(typeof(GroupListAnswer))]
[JsonSerializable(typeof(GroupAnswer))]
[JsonSerializable(typeof(OffsetsPutRequest))]
[JsonSerializable(typeof(OffsetListAnswer))]
[JsonSerializable(typeof(OffsetsResetRequest))]
[JsonSerializable(typeof(OffsetsResetAnswer))]
[JsonSerializable(typeof(LagAnswer))]
[JsonSerializable(typeof(RetryPolicyRequest))]
[JsonSerializable(typeof(RetryPolicyAnswer))]
[JsonSerializable(typeof(RedriveRequest))]
[JsonSerializable(typeof(RedriveAnswer))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(KeyAnswer))]
[JsonSerializable(typeof(KeyListAnswer))]
[JsonSerializable(typeof(RightRequest))]
[JsonSerializable(typeof(RightEntry))]
[JsonSerializable(typeof(RightListAnswer))]
[JsonSerializable(typeof(TicketRequest))]
[JsonSerializable(typeof(TicketAnswer))]
[JsonSerializable(typeof(CallerAnswer))]
[JsonSerializable(typeof(ConsoleSettings))]
public sealed partial class ApiJsonContext : JsonSerializerContext
{
    /// <summary>The context every answer is written with: text stays readable, as no answer is ever put into an HTML page.</summary>
    public static ApiJsonContext Api { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new TimeConverter() },
    });

    /// <summary>Writes times the way records' timestamps are written.</summary>
    private sealed class TimeConverter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetDateTimeOffset();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
        {
            Span<byte> text = stackalloc byte[TimestampText.LengthBytes];
            if (TimestampText.TryWrite(value.ToUnixTimeMilliseconds(), text))
                writer.WriteStringValue(text);
            else
                writer.WriteStringValue(value);
        }
    }
}
