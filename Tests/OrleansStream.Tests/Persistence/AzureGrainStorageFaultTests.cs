using System.Net;
using Azure.Storage.Blobs.Models;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using OrleansStream.Persistence;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support.Stores;

using State = Orleans.GrainState<OrleansStream.Tests.Persistence.DocumentGrainStorageConformance.Payload>;

namespace OrleansStream.Tests.Persistence;

/// <summary>What grain storage over an account says when requests and replies get lost, and how the truth is found.</summary>
[Collection(AzuriteCollection.Name)]
public sealed partial class AzureGrainStorageFaultTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private readonly GrainId _grain = GrainId.Create("topic", "a");
    private readonly FaultyHttpHandler _line = new();
    private AzureBlobContainer _container = null!;
    private AzureGrainStorage _storage = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string BlobName => "documents/" + StateDocumentName.Of("service", "s", _grain);

    public async ValueTask InitializeAsync()
    {
        _container = await AzureTestContainer.OpenAsync(azurite, _line, $"{Guid.NewGuid():N}");
        _storage = Open(_container);
    }

    public ValueTask DisposeAsync() => default;

    [Theory]
    [InlineData(HttpFault.ReplyLost)]
    [InlineData(HttpFault.FailureAfterEffect)]
    [InlineData(HttpFault.ReplyTooLate)]
    public async Task WriteState_WhenTheReplyIsLost_FindsItsEtag(HttpFault fault)
    {
        var state = Of("one");
        FaultOnce(fault);
        await WriteAsync(state);
        await AssertStoredAsync("one", state);

        state.State = Of("two").State;
        FaultOnce(fault);
        await WriteAsync(state);
        await AssertStoredAsync("two", state);
    }

    [Fact]
    public async Task WriteState_WhenARequestIsLost_RepeatsAReplacementButNoCreation()
    {
        var state = Of("one");
        FaultOnce(HttpFault.RequestLost);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => WriteAsync(state));
        Assert.False((await ReadAsync()).RecordExists);

        await WriteAsync(state);
        state.State = Of("two").State;
        FaultOnce(HttpFault.RequestLost);
        await WriteAsync(state);
        await AssertStoredAsync("two", state);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WriteState_WhenItsReplyIsLostAndAnotherWroteSince_SaysThatItDoesNotKnow(bool isCreation)
    {
        var state = Of("one");
        if (!isCreation)
            await WriteAsync(state);
        var other = Open(await AzureTestContainer.OpenAsync(azurite, name: _container.Name));
        var start = _line.RequestCount;
        _line.OnRequest = (_, number) => number == start + 1 ? HttpFault.ReplyLost : HttpFault.None;
        _line.Answer = _ =>
        {
            // Before the second request another activation sees the first one's work and builds on it.
            if (_line.RequestCount == start + 2)
                Sync(() => WriteOverAsync(other));
            return null;
        };

        state.State = Of("two").State;
        await Assert.ThrowsAsync<StoreUnavailableException>(() => WriteAsync(state));
        Heal();
        Assert.Equal("three", (await ReadAsync()).State!.Name);
    }

    [Fact]
    public async Task WriteState_WhenTheFirstTryArrivesLate_ItTakesNoEffectAnyMore()
    {
        var state = Of("one");
        await WriteAsync(state);
        HttpRequestMessage? late = null;
        _line.Answer = request =>
        {
            if (late is not null || request.Method != HttpMethod.Put)
                return null;
            late = Copy(request);
            return FaultyHttpHandler.Error(HttpStatusCode.InternalServerError, "OperationTimedOut");
        };
        state.State = Of("two").State;
        await WriteAsync(state);
        Heal();
        await AssertStoredAsync("two", state);

        using var http = new HttpClient();
        using var answer = await http.SendAsync(late!, Cancellation);
        Assert.Equal(HttpStatusCode.PreconditionFailed, answer.StatusCode);
        await AssertStoredAsync("two", state);
    }

    [Theory]
    [InlineData(HttpFault.ReplyLost)]
    [InlineData(HttpFault.FailureAfterEffect)]
    [InlineData(HttpFault.RequestLost)]
    public async Task ClearState_WhenARequestOrReplyIsLost_IsDone(HttpFault fault)
    {
        var state = Of("one");
        await WriteAsync(state);
        FaultOnce(fault);
        await _storage.ClearStateAsync("s", _grain, state);
        Assert.Equal((false, null), (state.RecordExists, state.ETag));
        Assert.False((await ReadAsync()).RecordExists);
    }

    [Fact]
    public async Task ClearState_WhenAnotherWroteAfterALostRequest_SaysThatItDoesNotKnowAndLeavesTheState()
    {
        var state = Of("one");
        await WriteAsync(state);
        var other = Open(await AzureTestContainer.OpenAsync(azurite, name: _container.Name));
        var start = _line.RequestCount;
        _line.OnRequest = (_, number) => number == start + 1 ? HttpFault.RequestLost : HttpFault.None;
        _line.Answer = _ =>
        {
            if (_line.RequestCount == start + 2)
                Sync(() => WriteOverAsync(other));
            return null;
        };

        await Assert.ThrowsAsync<StoreUnavailableException>(() => _storage.ClearStateAsync("s", _grain, state));
        Heal();
        Assert.Equal("three", (await ReadAsync()).State!.Name);
    }

    [Fact]
    public async Task ReadState_WhenTheReplyBreaksOff_ReadsItAgain()
    {
        var state = Of(new string('x', 100_000));
        await WriteAsync(state);
        FaultOnce(HttpFault.ReplyCutOff);
        await AssertStoredAsync(state.State!.Name!, state);
    }

    [Fact]
    public async Task WriteState_WhenItIsTooLarge_IsRefusedAndNothingIsSent()
    {
        var before = _line.RequestCount;
        await Assert.ThrowsAsync<ArgumentException>(() => WriteAsync(Of(new string('x', DocumentStoreLimits.DocumentBytesMax))));
        Assert.Equal(before, _line.RequestCount);
    }

    // So that a person who looks into the container can read what is there.
    [Fact]
    public async Task WriteState_LeavesReadableJsonWithItsFormatVersion()
    {
        var state = Of("Größe");
        await WriteAsync(state);
        BlobDownloadResult blob = await _container.Service.GetBlobContainerClient(_container.Name).GetBlobClient(BlobName)
            .DownloadContentAsync(Cancellation);
        var text = blob.Content.ToString();
        Assert.StartsWith("{\n  \"version\": 1,\n  \"grain\": \"topic/a\",\n  \"exists\": true,\n  \"state\": {\n    \"name\": \"Größe\",", text, StringComparison.Ordinal);
    }

    private static AzureGrainStorage Open(AzureBlobContainer container) => AzureTestGrainStorage.Open(
        container, Options.Create(new ClusterOptions { ServiceId = "service" }), new DocumentGrainStorageOptions(),
        new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<IActivatorProvider>());

    private static void Sync(Func<Task> call) => Task.Run(call).GetAwaiter().GetResult();

    private static State Of(string name) => new(new DocumentGrainStorageConformance.Payload(name, 1));

    private static HttpRequestMessage Copy(HttpRequestMessage request)
    {
        using var body = request.Content!.ReadAsStream(Cancellation);
        using var bytes = new MemoryStream();
        body.CopyTo(bytes);
        body.Position = 0;
        var copy = new HttpRequestMessage(request.Method, request.RequestUri) { Content = new ByteArrayContent(bytes.ToArray()) };
        foreach (var (name, values) in request.Headers)
            copy.Headers.TryAddWithoutValidation(name, values);
        foreach (var (name, values) in request.Content.Headers)
            copy.Content.Headers.TryAddWithoutValidation(name, values);
        return copy;
    }

    private async Task WriteOverAsync(AzureGrainStorage other)
    {
        var seen = new State();
        await other.ReadStateAsync("s", _grain, seen);
        seen.State = Of("three").State;
        await other.WriteStateAsync("s", _grain, seen);
    }

    private Task WriteAsync(State state) => _storage.WriteStateAsync("s", _grain, state);

    private async Task<State> ReadAsync()
    {
        var state = new State();
        await _storage.ReadStateAsync("s", _grain, state);
        return state;
    }

    private async Task AssertStoredAsync(string name, State written)
    {
        var read = await ReadAsync();
        Assert.Equal((name, written.ETag, true), (read.State!.Name, read.ETag, read.RecordExists));
    }

    private void FaultOnce(HttpFault fault)
    {
        var start = _line.RequestCount;
        _line.OnRequest = (_, number) => number == start + 1 ? fault : HttpFault.None;
    }

    private void AnswerOnce(HttpResponseMessage answer) => _line.Answer = _ =>
    {
        _line.Answer = null;
        return answer;
    };

    private void Heal()
    {
        _line.OnRequest = (_, _) => HttpFault.None;
        _line.Answer = null;
    }
}
