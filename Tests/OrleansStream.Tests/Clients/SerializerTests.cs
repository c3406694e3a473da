using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Serialization;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>Values of every kind go to records and come back.</summary>
[Collection(ApiTests.Name)]
public sealed partial class SerializerTests(ApiFixture api)
{
    [Fact]
    public async Task Values_OfEveryKind_ComeBack()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic);
        byte[] bytes = [0, 255, 10];
        await producer.SendAsync(new OutgoingRecord<byte[]>(null, bytes) { KeyBytes = bytes });
        await producer.SendAsync<ReadOnlyMemory<byte>>("b", bytes);
        await producer.SendAsync<string>("tombstone", null);
        await producer.SendAsync(new OutgoingRecord<int>("tombstone", 0) { IsTombstone = true });
        await producer.SendAsync("empty", "");

        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var seen = new List<(byte[]? Key, byte[]? Value, bool IsTombstone)>();
        await rig.Client.Consume<byte[]>(rig.Group, rig.Topic).RunAsync(
            (record, _) =>
            {
                seen.Add((record.KeyBytes?.ToArray(), record.Value, record.IsTombstone));
                return seen.Count == 5 ? stop.CancelAsync() : Task.CompletedTask;
            },
            stop.Token);

        Assert.Equal(bytes, seen[0].Key);
        Assert.Equal([bytes, bytes, null, null, []], seen.Select(record => record.Value));
        Assert.Equal([false, false, true, true, false], seen.Select(record => record.IsTombstone));
    }

    [Fact]
    public void Json_OfASourceGeneratedContext_IsUsed()
    {
        var serializers = new ValueSerializers { Json = new JsonSerializerOptions { TypeInfoResolver = Context.Default } };
        var written = new ArrayBufferWriter<byte>();

        serializers.Get<Goal>().Serialize(new Goal("Cueva", 12), written);

        Assert.Equal("""{"Player":"Cueva","Minute":12}"""u8, written.WrittenSpan);
        Assert.Equal(new Goal("Cueva", 12), serializers.Get<Goal>().Deserialize(written.WrittenSpan));
        var error = Assert.Throws<InvalidOperationException>(() => serializers.Get<Uri[]>());
        Assert.Contains("System.Uri[]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serializer_ThatIsSet_IsUsedAndAValueItCannotReadIsADeadLetter()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("no number");
        var options = new OrleansStream.Client.OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!] };
        options.Serializers.Set(new NumberSerializer());
        using var client = new OrleansStream.Client.OrleansStreamClient(options);
        await using (var producer = client.CreateProducer(rig.Topic))
            await producer.SendAsync("n", 42);
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var seen = new List<int>();

        await client.Consume<int>(rig.Group, rig.Topic, consumer => consumer.RetryPolicy = new RetryPolicyRequest { MaxAttempts = 1 }).RunAsync(
            (record, _) =>
            {
                seen.Add(record.Value);
                return stop.CancelAsync();
            },
            stop.Token);

        Assert.Equal([42], seen);
        var dead = Assert.Single(await rig.ReadAllAsync($"{rig.Topic}.{rig.Group}.dlq"));
        Assert.Equal("no number", dead.Value);
        var stopped = await Assert.ThrowsAsync<InvalidDataException>(() => client.Consume<int>("g-" + rig.Group, rig.Topic).RunAsync((_, _) => Task.CompletedTask));
        Assert.IsNotType<StreamServiceException>(stopped);
    }

    internal sealed record Goal(string Player, int Minute);

    [JsonSerializable(typeof(Goal))]
    private sealed partial class Context : JsonSerializerContext;

    private sealed class NumberSerializer : ISerializer<int>
    {
        public void Serialize(int value, IBufferWriter<byte> destination)
        {
            BinaryPrimitives.WriteInt32BigEndian(destination.GetSpan(sizeof(int)), value);
            destination.Advance(sizeof(int));
        }

        public int Deserialize(ReadOnlySpan<byte> bytes) =>
            bytes.Length == sizeof(int) ? BinaryPrimitives.ReadInt32BigEndian(bytes) : throw new InvalidDataException("not a number");
    }
}
