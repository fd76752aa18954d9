"""Our label model beside others."""
