using System.Net;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support.Stores;
using State = Orleans.GrainState<OrleansStream.Tests.Persistence.DocumentGrainStorageConformance.Payload>;

namespace OrleansStream.Tests.Persistence;

/// <summary>An account that refuses, or does not answer.</summary>
public sealed partial class AzureGrainStorageFaultTests
{
    [Theory]
    [InlineData(HttpStatusCode.ServiceUnavailable, "ServerBusy")]
    [InlineData(HttpStatusCode.TooManyRequests, "TooManyRequests")]
    public async Task AnyCall_WhenTheAccountIsBusy_IsRepeated(HttpStatusCode status, string code)
    {
        var state = Of("one");
        AnswerOnce(FaultyHttpHandler.Error(status, code, TimeSpan.Zero));
        await WriteAsync(state);
        state.State = Of("two").State;
        AnswerOnce(FaultyHttpHandler.Error(status, code, TimeSpan.Zero));
        await WriteAsync(state);
        AnswerOnce(FaultyHttpHandler.Error(status, code, TimeSpan.Zero));
        await AssertStoredAsync("two", state);
        AnswerOnce(FaultyHttpHandler.Error(status, code, TimeSpan.Zero));
        await _storage.ClearStateAsync("s", _grain, state);
        Assert.False((await ReadAsync()).RecordExists);
    }

    [Fact]
    public async Task AnyCall_WhenNothingAnswers_IsUnavailableAfterAFewTries()
    {
        var state = Of("one");
        await WriteAsync(state);
        _line.OnRequest = (_, _) => HttpFault.RequestLost;
        Func<Task>[] calls = [ReadAsync, () => WriteAsync(state), () => _storage.ClearStateAsync("s", _grain, state)];
        foreach (var call in calls)
        {
            var before = _line.RequestCount;
            var exception = await Assert.ThrowsAsync<StoreUnavailableException>(call);
            Assert.DoesNotContain('\n', exception.Message);
            Assert.Equal(AzureBlobLimits.AttemptCountMax, _line.RequestCount - before);
        }
    }

    // The package calls each of these a state that is not there, or one that another activation wrote.
    [Theory]
    [InlineData(HttpStatusCode.NotFound, "ContainerNotFound")]
    [InlineData(HttpStatusCode.NotFound, "ResourceNotFound")]
    [InlineData(HttpStatusCode.Conflict, "ContainerBeingDeleted")]
    [InlineData(HttpStatusCode.PreconditionFailed, "LeaseIdMissing")]
    [InlineData(HttpStatusCode.Forbidden, "AuthorizationFailure")]
    [InlineData(HttpStatusCode.BadRequest, "InvalidHeaderValue")]
    public async Task AnyCall_WhenTheAccountRefuses_IsUnavailable(HttpStatusCode status, string code)
    {
        var state = Of("one");
        await WriteAsync(state);
        _line.Answer = _ => FaultyHttpHandler.Error(status, code);
        await Assert.ThrowsAsync<StoreUnavailableException>(ReadAsync);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => WriteAsync(state));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => WriteAsync(Of("new")));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => _storage.ClearStateAsync("s", _grain, state));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => _storage.ClearStateAsync("s", _grain, new State()));
    }

    [Fact]
    public async Task AnyCall_WhenTheContainerIsGone_NeverTakesItForEmptyNorMakesIt()
    {
        var state = Of("one");
        await WriteAsync(state);
        var container = _container.Service.GetBlobContainerClient(_container.Name);
        await container.DeleteAsync(cancellationToken: Cancellation);

        await Assert.ThrowsAsync<StoreUnavailableException>(ReadAsync);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => WriteAsync(state));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => WriteAsync(Of("new")));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => _storage.ClearStateAsync("s", _grain, state));
        Assert.False((await container.ExistsAsync(Cancellation)).Value);
    }
}
