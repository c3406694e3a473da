using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Groups;

/// <summary>A stored group is registered beside its calls, until it is certain; a new one before anybody is told of it.</summary>
public sealed class GroupRegistrationTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly GroupRegistration _registration;
    private Func<int, Task<StreamError?>> _register = _ => Task.FromResult<StreamError?>(null);
    private Func<Task> _remove = () => Task.CompletedTask;
    private int _tries;
    private int _removals;
    private bool _exists = true;

    public GroupRegistrationTests()
    {
        var catalog = Answering.By<IGroupCatalogGrain>((method, _) =>
        {
            if (method.Name != nameof(IGroupCatalogGrain.RemoveAsync))
                return _register(Interlocked.Increment(ref _tries));
            _removals++;
            return _remove();
        });
        _registration = new GroupRegistration("g", Answering.By<IGrainFactory>((_, _) => catalog), _time, () => _exists);
    }

    public static TheoryData<Exception> Losses =>
    [
        new SiloUnavailableException("gone"), new TimeoutException(), new TaskCanceledException("The activation did not begin in time."),
        new StreamException(new StreamError(StreamErrorCode.CoordinatorNotAvailable, "It could not be stored.")),
    ];

    [Theory]
    [MemberData(nameof(Losses), DisableDiscoveryEnumeration = true)]
    public async Task Ensure_OfAStoredGroup_WaitsForNothingAndTriesUntilItIsRegistered(Exception loss)
    {
        _register = number => number switch
        {
            1 => new TaskCompletionSource<StreamError?>().Task,
            2 or 3 => Task.FromException<StreamError?>(loss),
            _ => Task.FromResult<StreamError?>(null),
        };

        Assert.True(_registration.EnsureAsync().IsCompletedSuccessfully);

        Assert.False(_registration.IsCertain);
        await AdvanceUntilAsync(() => _registration.IsCertain);
        Assert.Equal(4, _tries);
    }

    [Fact]
    public void Ensure_WhileATryIsUnderWay_BeginsNoOther()
    {
        _register = _ => new TaskCompletionSource<StreamError?>().Task;
        for (var i = 0; i < 3; i++)
            Assert.True(_registration.EnsureAsync().IsCompletedSuccessfully);
        Assert.Equal(1, _tries);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tries_WhenTheActivationOrTheGroupEnds_End(bool isGroup)
    {
        _register = _ => Task.FromException<StreamError?>(new TimeoutException());
        _registration.Begin();
        Assert.Equal(1, _tries);
        if (isGroup)
            _exists = false;
        else
            _registration.Leave();

        _time.Advance(GroupGrainLimits.RegisterRetry);
        _registration.Begin();

        await Task.Yield();
        Assert.Equal(1, _tries);
    }

    [Fact]
    public async Task Ensure_OfAGroupWhoseNameWasRemoved_IsDoneWhenItIsRegisteredAgain()
    {
        await _registration.RemoveAsync();
        var registering = new TaskCompletionSource<StreamError?>();
        _register = _ => registering.Task;
        var ensured = _registration.EnsureAsync();
        Assert.False(ensured.IsCompleted);

        registering.SetResult(null);

        await ensured;
        Assert.True(_registration.IsCertain);
    }

    [Theory]
    [MemberData(nameof(Losses), DisableDiscoveryEnumeration = true)]
    public async Task Ensure_OfAGroupWhoseNameWasRemoved_WhenTheCatalogueDoesNotAnswer_IsRefusedAndTriedAgain(Exception loss)
    {
        await _registration.RemoveAsync();
        _register = number => number < 3 ? Task.FromException<StreamError?>(loss) : Task.FromResult<StreamError?>(null);

        var refused = (await Assert.ThrowsAsync<StreamException>(_registration.EnsureAsync)).Error;

        Assert.Equal((StreamErrorCode.CoordinatorNotAvailable, true), (refused.Code, refused.OutcomeUnknown));
        await AdvanceUntilAsync(() => _registration.IsCertain);
        await _registration.EnsureAsync();
    }

    // Else the registration might be done last, and the catalogue would have a group that does not exist.
    [Fact]
    public async Task Remove_WhileTheNameIsRegistered_IsDoneBehindIt()
    {
        var registering = new TaskCompletionSource<StreamError?>();
        _register = _ => registering.Task;
        var added = _registration.AddAsync();
        var removed = _registration.RemoveAsync();
        Assert.Equal(0, _removals);
        registering.SetResult(null);

        Assert.Null(await added);
        await removed;

        Assert.Equal(1, _removals);
        Assert.False(_registration.IsCertain);
    }

    [Fact]
    public async Task Ensure_OfAGroupThatIsDeletedAgainWhileItsNameIsRemoved_RegistersNothing()
    {
        var removing = new TaskCompletionSource();
        _remove = () => removing.Task;
        var removed = _registration.RemoveAsync();
        var ensured = _registration.EnsureAsync();
        _exists = false;
        var removedAgain = _registration.RemoveAsync();
        removing.SetResult();

        await Task.WhenAll(removed, ensured, removedAgain);

        Assert.Equal(0, _tries);
    }

    [Fact]
    public async Task Ensure_OfAGroupWhoseNameWasRemoved_WhenTheCatalogueIsFull_IsRefusedAndLaterCallsWaitForNothing()
    {
        await _registration.RemoveAsync();
        _register = _ => Task.FromResult<StreamError?>(new StreamError(StreamErrorCode.PolicyViolation, "There are too many groups."));

        var refused = (await Assert.ThrowsAsync<StreamException>(_registration.EnsureAsync)).Error;

        Assert.Equal((StreamErrorCode.PolicyViolation, true), (refused.Code, refused.OutcomeUnknown));
        _register = _ => new TaskCompletionSource<StreamError?>().Task;
        Assert.True(_registration.EnsureAsync().IsCompletedSuccessfully);
    }

    private Task AdvanceUntilAsync(Func<bool> condition) => Wait.UntilAsync("it is done", () =>
    {
        _time.Advance(TimeSpan.FromMilliseconds(500));
        return condition();
    });
}
